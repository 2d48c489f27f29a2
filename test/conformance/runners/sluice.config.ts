import { defineConfig } from '../../../src/index.ts'

export default defineConfig({ pipelines: ['bodies.ts'] })
