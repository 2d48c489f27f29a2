import { builtinModules } from 'node:module'
import type { Plugin } from 'esbuild'

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

/** Leaves all other modules of Node out of a snapshot: what is used of them is looked up in the process that was started from it. */
export const loadBuiltinsLate: Plugin = {
  name: 'modules of Node that are loaded late',
  setup({ onResolve, onLoad }) {
    const late = builtinModules.filter((each) => !IN_SNAPSHOTS.has(each.replace('node:', '')))
    const names = new RegExp(`^(node:)?(${late.map((each) => RegExp.escape(each)).join('|')})$`)
    onResolve({ filter: names }, ({ path }) => ({ path: path.replace('node:', ''), namespace: 'late' }))
    onLoad({ filter: /.*/, namespace: 'late' }, ({ path }) => ({ contents: makeLateModule(path) }))
  },
}

const makeLateModule = (name: string) => `
const find = () => process.getBuiltinModule(${JSON.stringify(name)})
for (const name of ${JSON.stringify(Object.keys(process.getBuiltinModule(name) ?? {}))})
  Object.defineProperty(exports, name, { enumerable: true, get: () => find()[name] })`
