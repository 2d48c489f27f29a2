import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ConsoleFiles } from '../http/console.ts'

const TYPES = {
  'index.html': 'text/html; charset=utf-8',
  'app.js': 'text/javascript; charset=utf-8',
  'layout.js': 'text/javascript; charset=utf-8',
  'app.css': 'text/css; charset=utf-8',
}

/** Where the built console is: in the package, or in the folder of a repository that was built. */
const FOLDERS = ['../../console', '../../dist/console'].map((path) =>
  fileURLToPath(new URL(path, import.meta.url)),
)

/** The files of the console, or undefined if they were not built. */
export function readConsoleFiles(): ConsoleFiles | undefined {
  const folder = FOLDERS.find((each) => existsSync(join(each, 'app.js')))
  if (folder === undefined) return undefined
  return new Map(
    Object.entries(TYPES).map(([name, type]) => [
      name,
      { type, body: readFileSync(join(folder, name), 'utf8') },
    ]),
  )
}
