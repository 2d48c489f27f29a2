import { registerHooks } from 'node:module'
import { resolveModuleRead } from './module-reads.ts'

/** The URL of zod if it is part of the same bundle (`child-bundle.ts`); esbuild sets it. */
declare const BUNDLED_ZOD: string | undefined

/**
 * Lets `import … from 'sluice'` in a config mean the very package that runs the command, wherever it is installed:
 * two copies would not know each other's tasks. In a bundle the same zod is had from there. Imported for its effect,
 * before any config.
 */
const zod = typeof BUNDLED_ZOD === 'undefined' ? undefined : BUNDLED_ZOD
const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
const own = (path: string) => new URL(path, import.meta.url).href
const self = own(zod === undefined ? `../index.${extension}` : './index.mjs')

registerHooks({
  resolve(specifier, context, next) {
    if (specifier === 'sluice') return { url: self, shortCircuit: true }
    const found = next(specifier, context)
    if (zod !== undefined && found.url === zod) return { ...found, url: own('./zod.mjs') }
    return {
      ...found,
      url: resolveModuleRead(found.url, context.parentURL, context.conditions.includes('require')),
    }
  },
})
