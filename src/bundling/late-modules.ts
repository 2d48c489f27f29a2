import { builtinModules, createRequire } from 'node:module'
import type { Plugin } from 'esbuild'
import { findZod } from './zod-entry.ts'

/** Modules of Node that it has verified in snapshots, of those that we use. */
const IN_SNAPSHOTS = new Set([
  ...[
    'buffer',
    'crypto',
    'diagnostics_channel',
    'events',
    'fs',
    'fs/promises',
    'net',
    'os',
    'path',
    'stream',
  ],
  ...['stream/promises', 'string_decoder', 'timers/promises', 'url', 'util', 'v8'],
])

/**
 * Leaves all other modules of Node out of a snapshot, and zod's messages in other languages, which are as large as zod itself: what is
 * used of them is looked up in the process that was started from it.
 */
export const loadModulesLate: Plugin = {
  name: 'modules that are loaded late',
  setup({ onResolve, onLoad }) {
    const late = builtinModules.filter((each) => !IN_SNAPSHOTS.has(each.replace('node:', '')))
    const names = new RegExp(`^(node:)?(${late.map((each) => RegExp.escape(each)).join('|')})$`)
    onResolve({ filter: names }, ({ path }) => ({ path: path.replace('node:', ''), namespace: 'late' }))
    onResolve({ filter: /^\.\.\/locales\/index\.js$/ }, () => ({ path: LOCALES, namespace: 'late' }))
    onLoad({ filter: /.*/, namespace: 'late' }, ({ path }) => ({
      contents: path === LOCALES ? makeLocales() : makeLateModule(process.getBuiltinModule(path), path),
    }))
  },
}

const LOCALES = 'zod/v4/locales'

function makeLocales(): string {
  const zod = findZod()
  const find = `process.getBuiltinModule('module').createRequire(${JSON.stringify(zod)})`
  return makeLateModule(createRequire(zod)(LOCALES), LOCALES, find)
}

/** The text of a module with the same exports as this one, which is found by its name: by this expression. */
const makeLateModule = (module: object | undefined, name: string, by = 'process.getBuiltinModule') => `
const find = () => ${by}(${JSON.stringify(name)})
for (const name of ${JSON.stringify(Object.keys(module ?? {}))})
  Object.defineProperty(exports, name, { enumerable: true, get: () => find()[name] })`
