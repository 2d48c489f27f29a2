import { defineConfig } from 'sluice'

export default defineConfig({ pipelines: ['pipelines.ts'], environments: { dev: { storage: 'data' } } })
