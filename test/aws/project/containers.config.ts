import { defineConfig } from 'sluice'

/** Everything in containers: the image of its pool has every pipeline. */
export default defineConfig({
  pipelines: ['../../../tasks/*/pipeline.ts'],
  pools: { default: { runsOn: 'fargate' }, heavy: { runsOn: 'fargate' } },
  budgets: { mag: { limit: 10_000, per: 'month', timeZone: 'UTC' } },
  environments: { test: { region: 'us-east-1' } },
})
