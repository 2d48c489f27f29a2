import { registerResolution } from './register-resolution.ts'

/**
 * Lets `import … from 'sluice'` in a config mean the very package that runs the command, wherever it is installed:
 * two copies would not know each other's tasks. In a bundle the same zod is had from there. Imported for its effect,
 * before any config.
 */
registerResolution()
