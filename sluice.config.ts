import { defineConfig } from 'sluice'

export default defineConfig({
  pipelines: ['tasks/*/pipeline.ts'],
  environments: { dev: { storage: 'data' } },
})
