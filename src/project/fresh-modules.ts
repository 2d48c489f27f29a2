import { fileURLToPath } from 'node:url'

/** The source of Sluice itself, which may lie in the folder of a project (a checkout). */
const OWN = new URL('../', import.meta.url).href

const files = new Set<string>()
let generation = 0

/**
 * The URL by which a module is loaded; a hook asks for each (`local/resolve-self.ts`). Node keeps a module by its URL for as
 * long as the process lives, so each renewal gives the modules of a project other URLs. Packages stay as they are.
 */
export function freshUrl(url: string): string {
  if (!url.startsWith('file:') || url.startsWith(OWN) || url.includes('/node_modules/')) return url
  files.add(fileURLToPath(url))
  return generation === 0 ? url : `${url}?read=${generation}`
}

/** Paths of the modules of projects that were loaded. */
export const loadedFiles = (): string[] => [...files]

/** What is imported from now on is read again. */
export function renewModules(): void {
  generation++
}
