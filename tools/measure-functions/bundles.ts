import { globSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import type { DeployedProject } from '../../infra/project.ts'

/** A function as it is deployed: the folder that is uploaded, and its module. */
export interface DeployedFunction {
  name: string
  folder: string
  module: string
}

/** Bytes of a function's code. */
export interface Sizes {
  /** All that is uploaded for it; the functions that decide share one folder. */
  uploaded: number
  /** All that it may ever load. */
  own: number
  /** What it loads before its first call. */
  loaded: number
}

/** The most bytes that a function may load. */
export const MOST_BYTES = 2_500_000

/** The functions of a project: those that decide, and one for each pool on Lambda. */
export const listFunctions = ({ functions, pools }: DeployedProject): DeployedFunction[] => [
  ...Object.entries(functions).map(([name, folder]) => ({
    name,
    folder,
    module: join(folder, name, 'index.mjs'),
  })),
  ...Object.entries(pools)
    .filter(([, { runsOn }]) => runsOn !== 'fargate')
    .map(([name, { folder }]) => ({ name: `pool ${name}`, folder, module: join(folder, 'index.mjs') })),
]

/** How large a function is. */
export const measureSizes = ({ folder, module }: DeployedFunction): Sizes => ({
  uploaded: sumSizes(globSync('**/*.mjs', { cwd: folder }).map((path) => join(folder, path))),
  own: sumSizes(listPieces(module, ANY_IMPORT)),
  loaded: sumSizes(listPieces(module, STATIC_IMPORT)),
})

/** Imports as esbuild writes them; what `import()` names is loaded later. */
const STATIC_IMPORT = /(?:from|import)"(\.{1,2}\/[^"]+\.mjs)"/g
const ANY_IMPORT = /(?:from|import\(?)"(\.{1,2}\/[^"]+\.mjs)"/g

const sumSizes = (paths: Iterable<string>) => [...paths].reduce((sum, path) => sum + statSync(path).size, 0)

/** The module and all pieces that it imports, and they. */
function listPieces(module: string, imports: RegExp): Set<string> {
  const found = new Set<string>()
  const left = [module]
  for (let path = left.pop(); path !== undefined; path = left.pop()) {
    if (found.has(path)) continue
    found.add(path)
    for (const [, next = ''] of readFileSync(path, 'utf8').matchAll(imports))
      left.push(normalize(join(dirname(path), next)))
  }
  return found
}
