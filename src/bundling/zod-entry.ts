import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

/**
 * The path of this package's zod. Looked for when a bundle is made, not before: the image of a pool has no packages, and makes none.
 * By `require`, because the command of the package imports another one, of its own piece.
 */
export const findZod = (): string => join(dirname(createRequire(import.meta.url).resolve('zod')), 'index.js')

/** The text of the entry of a bundle that has the zod of this package, for the project that is loaded by it. */
export function makeZodEntry(): string {
  const path = JSON.stringify(findZod())
  return `export * from ${path}; export { default } from ${path}`
}

/** The version of that zod. */
export const readZodVersion = (): string =>
  JSON.parse(readFileSync(join(dirname(findZod()), 'package.json'), 'utf8')).version
