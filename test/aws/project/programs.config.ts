import { defineConfig } from 'sluice'

/** Programs in images that nobody has changed for Sluice, beside bodies in the same pools. */
export default defineConfig({
  pipelines: ['programs.ts'],
  pools: {
    small: { concurrency: 2, memoryMb: 512, cpu: 256 },
    wide: { concurrency: 100, memoryMb: 512, cpu: 256 },
  },
  environments: {
    programs: {
      region: 'us-east-1',
      stack: 'sluice-programs',
      baseImage: process.env.AWS_TEST_IMAGE ?? 'localhost/sluice-test-node:24',
      logRetentionDays: 1,
      shells: true,
    },
  },
})
