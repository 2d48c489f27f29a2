import { statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** The source of Sluice itself, which may lie in the folder of a project (a checkout). */
const OWN = new URL('../', import.meta.url).href

const files = new Map<string, string>()
let generation = 0

/**
 * The URL by which a module is loaded; a hook asks for each (`resolve-self.ts`). Node keeps a module by its URL for as
 * long as the process lives, so each renewal gives the modules of a project other URLs. Packages stay as they are.
 */
export function makeFreshUrl(url: string): string {
  if (!url.startsWith('file:') || url.startsWith(OWN) || url.includes('/node_modules/')) return url
  const path = fileURLToPath(url)
  // Before it is read: a change from now on is told from what was read.
  files.set(path, makeFileFingerprint(path))
  return generation === 0 ? url : `${url}?read=${generation}`
}

/** The modules of projects that were loaded: their paths, with the fingerprints that they had then. */
export const listLoadedFiles = (): ReadonlyMap<string, string> => files

/** What tells that a file has changed. */
export function makeFileFingerprint(path: string): string {
  const found = statSync(path, { throwIfNoEntry: false })
  return found === undefined ? 'absent' : `${found.ino}.${found.mtimeMs}.${found.size}`
}

/** What is imported from now on is read again. */
export function forgetLoadedModules(): void {
  generation++
}
