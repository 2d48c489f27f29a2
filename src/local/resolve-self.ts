import { registerHooks } from 'node:module'

/**
 * Lets `import … from 'sluice'` in a config mean the very package that runs the command, wherever it is installed:
 * two copies would not know each other's tasks. Imported for its effect, before any config.
 */
const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
const self = new URL(`../index.${extension}`, import.meta.url).href

registerHooks({
  resolve: (specifier, context, next) =>
    specifier === 'sluice' ? { url: self, shortCircuit: true } : next(specifier, context),
})
