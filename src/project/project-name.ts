import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/**
 * What a project is called if its config says nothing: the name of the nearest package, without its scope. Empty if
 * none has a name: that of a folder would be another one in each checkout.
 */
export function readProjectName(folder: string): string {
  for (let here = folder; ; here = dirname(here)) {
    const name = packageName(join(here, 'package.json'))
    if (name !== undefined) return name.replace(/^@[^/]*\//, '')
    if (here === dirname(here)) return ''
  }
}

/** Undefined if there is no package, or it has no name. */
function packageName(path: string): string | undefined {
  try {
    const { name }: { name?: unknown } = JSON.parse(readFileSync(path, 'utf8'))
    return typeof name === 'string' && name !== '' ? name : undefined
  } catch {
    return undefined
  }
}
