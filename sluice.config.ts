import { defineConfig } from 'sluice'

export default defineConfig({
  pipelines: ['tasks/*/pipeline.ts'],
  // The click aggregation of a day has a place of its own.
  pools: { heavy: { concurrency: 1, runsOn: 'fargate', memoryMb: 2048 } },
  // The graph API allows so many calls a month.
  budgets: { mag: { limit: 10_000, per: 'month', timeZone: 'UTC' } },
  environments: { dev: { storage: 'data' }, prod: { region: 'eu-west-2' } },
})
