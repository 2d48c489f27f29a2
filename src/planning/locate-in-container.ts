import { basename, dirname, isAbsolute, relative, sep } from 'node:path'
import { makeTaskId } from '../core/identity.ts'
import { parseFileUri } from './file-uris.ts'

/**
 * A file of a plan from elsewhere as a container finds it: at its path in the storage, or under `elsewhere/` with a hash of its
 * folder, because files of two folders can have one name.
 */
export function locateInContainer(uri: string, storageFolder: string): { uri: string; at: string } {
  const path = parseFileUri(uri)
  const inside = relative(storageFolder, path)
  if (inside.split(sep)[0] !== '..' && !isAbsolute(inside)) return { uri, at: inside.split(sep).join('/') }
  return { uri, at: `elsewhere/${makeTaskId('folder', { path: dirname(path) })}/${basename(path)}` }
}
