import { readFileSync } from 'node:fs'

// The same two levels up from src/cli and from dist/cli.
const file = new URL('../../package.json', import.meta.url)

/** The version of this package. */
export const { version } = JSON.parse(readFileSync(file, 'utf8')) as { version: string }
