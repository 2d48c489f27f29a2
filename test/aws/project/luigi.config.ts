import { defineConfig } from 'sluice'

/** Tasks of Luigi in an image that holds nothing of Sluice. */
export default defineConfig({
  pipelines: ['luigi.ts'],
  pools: {
    default: { concurrency: 6, memoryMb: 512, cpu: 256 },
    till: { concurrency: 4, memoryMb: 512, cpu: 256 },
  },
  resources: { register: { limit: 5 } },
  environments: {
    luigi: {
      region: 'us-east-1',
      stack: 'sluice-luigi',
      baseImage: process.env.AWS_TEST_IMAGE ?? 'localhost/sluice-test-node:24',
      logRetentionDays: 1,
    },
  },
})
