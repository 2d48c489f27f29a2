import { sep } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

/**
 * An absolute path that is its own path in a URI: no part begins with a dot, and no character is written in another way.
 * Making and reading a URL takes 2 microseconds, which a plan would pay for each of its files.
 */
const PLAIN = /^(\/[\w=+@,-][\w.=+@,-]*)+$/

const isPlain = (path: string) => sep === '/' && PLAIN.test(path)

/** The URI of a file by its absolute path. */
export const formatFileUri = (path: string): string =>
  isPlain(path) ? `file://${path}` : pathToFileURL(path).href

/** The path of a file by its URI; throws for what is no URI of a file of this machine. */
export function parseFileUri(uri: string): string {
  const path = uri.startsWith('file:///') ? uri.slice('file://'.length) : ''
  return isPlain(path) ? path : fileURLToPath(uri)
}
