/** What loads a module by its URL. */
type Import = (url: string) => Promise<Record<string, unknown>>

let load: Import = (url) => import(url)

/** Loads a module of a project. */
export const importModule: Import = (url) => load(url)

/** Called by a process that starts from a snapshot: code in a snapshot cannot import. */
export function setImport(other: Import): void {
  load = other
}
