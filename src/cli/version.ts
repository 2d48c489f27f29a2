import { readFileSync } from 'node:fs'

// A checkout has its sources at the top, the package what was built of them in dist.
const isBuilt = import.meta.url.endsWith('.js')
const file = new URL(isBuilt ? '../../../package.json' : '../../package.json', import.meta.url)

/** The version of this package. */
export const { version }: { version: string } = JSON.parse(readFileSync(file, 'utf8'))
