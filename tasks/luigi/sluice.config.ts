import { defineConfig } from 'sluice'

// A project of its own, because tasks of Luigi run on one machine only: `deploy` refuses a config with them.
export default defineConfig({
  pipelines: ['weblogs.ts'],
  pools: { pages: { concurrency: 2 } },
})
