import { defineConfig } from 'sluice'

/** Deployed with functions that die now and then. */
export default defineConfig({
  pipelines: ['pipelines.ts'],
  pools: { default: { concurrency: 6 }, heavy: {}, patient: {}, single: {} },
  budgets: { tiny: { limit: 1, per: 'year' } },
  environments: { faults: { region: 'us-east-1', stack: 'sluice-faults', logRetentionDays: 1 } },
})
