import { statSync } from 'node:fs'
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
  /** Tells whether it has loaded the module of a URL. */
  makeModuleCheck(): (url: string) => boolean
}

/** The files of each reading. */
const reads: Map<string, string>[] = []
/** What each module of projects and packages imports. */
const imports = new Map<string, Set<string>>()

/** Begins to load a project; the first time in a process URLs are as they are, for debuggers. */
export function beginModuleRead(): ModuleRead {
  const number = reads.length
  const files = new Map<string, string>()
  reads.push(files)
  return {
    urlOf: ({ href }) => addReadNumber(href, number),
    files,
    makeModuleCheck: () => {
      let packages: ReadonlySet<string> | undefined
      return (url) => {
        if (!isOfPackage(url)) return readNumberOf(url) === number
        packages ??= findReachedPackages(number)
        return packages.has(url)
      }
    },
  }
}

/** Notes that a module imports another one; returns the URL by which that is loaded. */
export function resolveModuleRead(found: string, importer: string | undefined): string {
  if (!found.startsWith('file:') || found.startsWith(OWN)) return found
  const url = isOfPackage(found) ? found : readProjectFile(found, importer)
  if (importer !== undefined && !importer.startsWith(OWN)) {
    const known = imports.get(importer)
    if (known === undefined) imports.set(importer, new Set([url]))
    else known.add(url)
  }
  return url
}

function readProjectFile(found: string, importer: string | undefined): string {
  // A package has no number of its own: what it imports of a project belongs to the first reading.
  const number = Math.max(readNumberOf(found), importer === undefined ? 0 : readNumberOf(importer))
  const path = fileURLToPath(found)
  // Before it is read: a change from now on is told from what was read.
  reads[number]?.set(path, makeFileFingerprint(path))
  return addReadNumber(found, number)
}

/** What tells that a file has changed. */
export function makeFileFingerprint(path: string): string {
  const found = statSync(path, { throwIfNoEntry: false })
  return found === undefined ? 'absent' : `${found.ino}.${found.mtimeMs}.${found.size}`
}

const isOfPackage = (url: string) => url.includes('/node_modules/')

const readNumberOf = (url: string) => Number(READ_NUMBER.exec(url)?.[1] ?? 0)

function addReadNumber(url: string, number: number): string {
  if (number === 0 || READ_NUMBER.test(url)) return url
  return `${url}${url.includes('?') ? '&' : '?'}read=${number}`
}

/** Modules of packages are not loaded a second time, so what they define belongs to each project that imports them. */
function findReachedPackages(number: number): ReadonlySet<string> {
  const reached = new Set<string>()
  const left = [...imports.keys()].filter((url) => !isOfPackage(url) && readNumberOf(url) === number)
  for (let url = left.pop(); url !== undefined; url = left.pop())
    for (const each of imports.get(url) ?? []) {
      if (!isOfPackage(each) || reached.has(each)) continue
      reached.add(each)
      left.push(each)
    }
  return reached
}
