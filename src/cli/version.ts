import { readFileSync } from 'node:fs'

/** The version that a bundle was made of, which has no package file; esbuild sets it. */
declare const BUNDLED_VERSION: string | undefined

/** The version of this package. */
export const version: string = typeof BUNDLED_VERSION === 'undefined' ? readPackageVersion() : BUNDLED_VERSION

/** A checkout has its sources at the top, the package what was built of them in dist. */
function readPackageVersion(): string {
  const isBuilt = import.meta.url.endsWith('.js')
  const file = new URL(isBuilt ? '../../../package.json' : '../../package.json', import.meta.url)
  return JSON.parse(readFileSync(file, 'utf8')).version
}
