import { defineConfig } from 'sluice'
import { CONCURRENCY } from './concurrency.ts'

/** What is deployed to be measured, once for each build. */
export default defineConfig({
  pipelines: ['pipelines.ts'],
  pools: { default: { concurrency: CONCURRENCY } },
  environments: {
    'handed-on': { region: 'us-east-1', stack: 'sluice-bench-handed-on', logRetentionDays: 1 },
    'feed-alone': { region: 'us-east-1', stack: 'sluice-bench-feed-alone', logRetentionDays: 1 },
  },
})
