import { statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

/*
 * How often the modules of projects are read in this process. Node keeps a module by its URL for as long as the process lives, so
 * each time a project is loaded its modules get URLs of their own: `?read=2`, which a module passes on to what it imports
 * (`resolve-self.ts` is the hook). Packages, and Sluice itself, are loaded once for all.
 */

/** The source of Sluice itself, which may lie in the folder of a project (a checkout). */
const OWN = new URL('../', import.meta.url).href
const READ_NUMBER = /[?&]read=(\d+)/

/** One loading of a project with all that its modules import, also later. */
export interface ModuleRead {
  /** The URL by which it imports a file. */
  urlOf(file: URL): string
  /** The files that it has loaded, by path, with the fingerprints that they had then. */
  files: ReadonlyMap<string, string>
  /** Whether it has loaded a module that is of no package. One that is not told by its URL has just been loaded, so it has. */
  hasLoadedFile(url: string): boolean
  /** Looks which packages it imports by now; returns what tells whether a module of a package is among them. */
  makePackageCheck(): (url: string) => boolean
}

/** Modules that were required, by path; looked up late, because a snapshot cannot have it. */
let required: NodeJS.Require['cache'] | undefined
function findRequired(): NodeJS.Require['cache'] {
  required ??= createRequire(import.meta.url).cache
  return required
}
/** The files of each reading. */
const reads: Map<string, string>[] = []
/** What each module of projects and packages imports. */
const imports = new Map<string, Set<string>>()

/** Begins to load a project; the first time in a process URLs are as they are, for debuggers. */
export function beginModuleRead(): ModuleRead {
  const number = reads.length
  const files = new Map<string, string>()
  const roots = new Set<string>()
  reads.push(files)
  return {
    urlOf({ href }) {
      const url = isOfPackage(href) ? href : addReadNumber(href, number)
      roots.add(url)
      return url
    },
    files,
    hasLoadedFile: (url) => !url.startsWith('file:') || readNumberOf(url) === number,
    makePackageCheck() {
      const reached = findReachedModules(roots)
      return (url) => reached.has(url)
    },
  }
}

/** Notes that a module imports another one, or `require`s it; returns the URL by which that is loaded. */
export function resolveModuleRead(found: string, importer: string | undefined, isRequired: boolean): string {
  if (!found.startsWith('file:') || found.startsWith(OWN)) return found
  const url = isOfPackage(found) ? found : readProjectFile(found, importer, isRequired)
  if (importer !== undefined && !importer.startsWith(OWN)) {
    const known = imports.get(importer)
    if (known === undefined) imports.set(importer, new Set([url]))
    else known.add(url)
  }
  return url
}

function readProjectFile(found: string, importer: string | undefined, isRequired: boolean): string {
  // A package has no number of its own: what it imports of a project belongs to the first reading.
  const number = isRequired
    ? findLatestRead(importer)
    : Math.max(readNumberOf(found), importer === undefined ? 0 : readNumberOf(importer))
  const path = fileURLToPath(found)
  const files = reads[number]
  if (number > 0 && files?.has(path) === false) forgetCommonJs(findRequired()[path])
  // Before it is read: a change from now on is told from what was read.
  files?.set(path, makeFileFingerprint(path))
  return isRequired ? found : addReadNumber(found, number)
}

/** Node keeps CommonJS modules by their paths, so one is read anew only if it is forgotten, with all that it has required. */
function forgetCommonJs(module: NodeModule | undefined): void {
  const known = findRequired()
  if (module === undefined || isOfPackage(module.filename) || known[module.filename] !== module) return
  delete known[module.filename]
  module.children.forEach(forgetCommonJs)
}

/** CommonJS modules know their paths alone, so what requires another one is taken for the one that was read last. */
function findLatestRead(importer: string | undefined): number {
  if (importer === undefined) return 0
  const path = fileURLToPath(importer)
  return Math.max(
    0,
    reads.findLastIndex((files) => files.has(path)),
  )
}

/** What tells that a file has changed. */
export function makeFileFingerprint(path: string): string {
  const found = statSync(path, { throwIfNoEntry: false })
  return found === undefined ? 'absent' : `${found.ino}.${found.mtimeMs}.${found.size}`
}

/** Whether a module is of an installed package. */
export const isOfPackage = (url: string): boolean => url.includes('/node_modules/')

const readNumberOf = (url: string) => Number(READ_NUMBER.exec(url)?.[1] ?? 0)

function addReadNumber(url: string, number: number): string {
  if (number === 0 || READ_NUMBER.test(url)) return url
  return `${url}${url.includes('?') ? '&' : '?'}read=${number}`
}

/** These modules with all that they import, directly or not. */
function findReachedModules(roots: Iterable<string>): ReadonlySet<string> {
  const reached = new Set(roots)
  // A set may grow while it is walked.
  for (const url of reached) for (const each of imports.get(url) ?? []) reached.add(each)
  return reached
}
