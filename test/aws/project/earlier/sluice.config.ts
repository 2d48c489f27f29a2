import { defineConfig } from 'sluice'

/** Deployed with the earlier version, then with this one. */
export default defineConfig({
  pipelines: ['pipelines.ts'],
  budgets: { calls: { limit: 1_000, per: 'year' } },
  environments: { earlier: { region: 'us-east-1', stack: 'sluice-earlier', logRetentionDays: 1 } },
})
