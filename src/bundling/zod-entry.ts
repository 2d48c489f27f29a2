import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const ZOD = import.meta.resolve('zod')
const path = JSON.stringify(fileURLToPath(ZOD))

/** The text of the entry of a bundle that has the zod of this package, for the project that is loaded by it. */
export const ZOD_ENTRY = `export * from ${path}; export { default } from ${path}`

/** The version of that zod. */
export const readZodVersion = (): string =>
  JSON.parse(readFileSync(new URL('./package.json', ZOD), 'utf8')).version
