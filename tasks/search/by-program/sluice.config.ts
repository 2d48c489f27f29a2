import { defineConfig } from 'sluice'

// A project of its own, because it needs an image and Spark, which the other pipelines do not.
export default defineConfig({
  pipelines: ['pipeline.ts'],
  pools: { heavy: { concurrency: 1 } },
  emr: {
    clicks: {
      release: 'emr-7.5.0',
      architecture: 'arm64',
      maximumCapacity: { vcpu: 16, memoryGb: 64 },
    },
  },
})
