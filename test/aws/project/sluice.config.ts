import { defineConfig } from 'sluice'

/** What the tests deploy: the ready-made pipelines, and some that fail, wait and die. */
export default defineConfig({
  pipelines: ['../../../tasks/*/pipeline.ts', 'pipelines.ts'],
  pools: {
    default: { concurrency: 8 },
    heavy: { concurrency: 3, runsOn: 'fargate', idleSeconds: 5 },
    patient: { concurrency: 1, runsOn: 'fargate', idleSeconds: 45 },
    single: { concurrency: 2, runsOn: 'fargate', idleSeconds: 5, tasksPerWorker: 1 },
  },
  budgets: { mag: { limit: 10_000, per: 'month', timeZone: 'UTC' }, tiny: { limit: 1, per: 'year' } },
  environments: {
    test: {
      region: 'us-east-1',
      stack: 'sluice-test',
      baseImage: process.env.AWS_TEST_IMAGE ?? 'localhost/sluice-test-node:24',
      reads: ['s3://sluice-test-logs/'],
      logRetentionDays: 1,
    },
  },
})
