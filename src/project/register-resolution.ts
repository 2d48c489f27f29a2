import { readFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { resolveModuleRead } from './module-reads.ts'

/** What is in the same bundle, by URLs relative to this module; esbuild sets it (`bundling/`). */
declare const BUNDLED: { index: string; zod: string; zodVersion: string } | undefined

const bundled = typeof BUNDLED === 'undefined' ? undefined : BUNDLED
const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
const own = (path: string) => new URL(path, import.meta.url).href
const self = own(bundled?.index ?? `../index.${extension}`)
/** Whether a module is the main one of the zod that is in the bundle, by its URL. */
const sameZod = new Map<string, boolean>()

/** See `resolve-self.ts`; apart from it for a snapshot, in which hooks cannot be registered before it is started. */
export function registerResolution(): void {
  registerHooks({
    resolve(specifier, context, next) {
      if (specifier === 'sluice') return { url: self, shortCircuit: true }
      const found = next(specifier, context)
      const isRequired = context.conditions.includes('require')
      if (bundled !== undefined && specifier === 'zod' && !isRequired && isSameZod(found.url))
        return { ...found, url: own(bundled.zod) }
      return { ...found, url: resolveModuleRead(found.url, context.parentURL, isRequired) }
    },
  })
}

/** A project may have another version of zod than the bundle was made with: that is its own then. */
function isSameZod(url: string): boolean {
  const known = sameZod.get(url)
  if (known !== undefined) return known
  const isSame = readVersionBeside(url) === bundled?.zodVersion
  sameZod.set(url, isSame)
  return isSame
}

function readVersionBeside(url: string): string | undefined {
  try {
    return JSON.parse(readFileSync(new URL('./package.json', url), 'utf8')).version
  } catch {
    // It is no file, or the module is not at the top of its package.
    return undefined
  }
}
