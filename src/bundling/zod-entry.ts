import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** Looked for when a bundle is made, not before: the image of a pool has no packages, and makes none. */
export const findZod = () => import.meta.resolve('zod')

/** The text of the entry of a bundle that has the zod of this package, for the project that is loaded by it. */
export function makeZodEntry(): string {
  const path = JSON.stringify(fileURLToPath(findZod()))
  return `export * from ${path}; export { default } from ${path}`
}

/** The version of that zod. */
export const readZodVersion = (): string =>
  JSON.parse(readFileSync(new URL('./package.json', findZod()), 'utf8')).version
