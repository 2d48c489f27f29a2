import { defineConfig } from 'sluice'

/** The pipelines that every implementation of control is tried with. */
export default defineConfig({
  pipelines: ['../../control/pipelines.ts'],
  pools: { default: { concurrency: 6 } },
  environments: { control: { region: 'us-east-1', stack: 'sluice-control', logRetentionDays: 1 } },
})
