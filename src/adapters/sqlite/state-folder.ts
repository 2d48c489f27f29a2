import { accessSync, constants, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { readErrorCode, readErrorMessage, SluiceError } from '../../core/errors.ts'
import type { Database } from './database.ts'

/** The secrets of a state folder. */
export const makeSecretsPath = (stateFolder: string) => join(resolve(stateFolder), 'secrets.json')

/** Makes the folder of a state, and keeps it out of version control. */
export function makeStateFolder(folder: string): void {
  try {
    makeFolder(folder)
    accessSync(folder, constants.W_OK)
    const ignore = join(folder, '.gitignore')
    // State, logs and secrets are never to be committed.
    if (!existsSync(ignore)) writeFileSync(ignore, '*\n')
  } catch (error) {
    const isFull = readErrorCode(error) === 'ENOSPC'
    throw new SluiceError(
      isFull ? 'disk_full' : 'state_unusable',
      `The state folder ${folder} cannot be written: ${isReadOnly(folder) ? 'its file system is read-only' : readErrorMessage(error)}.`,
      { cause: error, hint: 'Make room or use a writable folder: --state FOLDER.' },
    )
  }
}

/** Node's own recursive way never ends if a parent denies that a folder was ever there, as /proc does. */
function makeFolder(folder: string): void {
  if (existsSync(folder)) return
  makeFolder(dirname(folder))
  try {
    mkdirSync(folder)
  } catch (error) {
    // Another command may have made it meanwhile.
    if (readErrorCode(error) !== 'EEXIST') throw error
  }
}

/** Node tells of a read-only file system as if a folder were missing. */
function isReadOnly(folder: string): boolean {
  try {
    accessSync(existsSync(folder) || folder === dirname(folder) ? folder : dirname(folder), constants.W_OK)
    return false
  } catch (error) {
    const code = readErrorCode(error)
    return code === 'EROFS' || (code === 'ENOENT' && isReadOnly(dirname(folder)))
  }
}

/** A state belongs to one storage: what is complete in one is not in another. */
export function requireSameStorage(database: Database, storage: string, state: string): void {
  const known = readStateStorage(database) ?? database.transaction(() => keepStorage(database, storage))
  if (known === storage) return
  throw new SluiceError(
    'wrong_storage',
    `The state ${state} belongs to the storage ${known}, not to ${storage}.`,
    { hint: `Use --data ${known}, or another state with --state.` },
  )
}

/** The storage that a state belongs to; undefined if nothing has run in it yet. */
export function readStateStorage({ sql }: Database): string | undefined {
  const row = sql.prepare("SELECT value FROM setting WHERE name = 'storage'").get()
  return row === undefined ? undefined : String(row.value)
}

/** The storage that stands: another process may have been quicker. */
function keepStorage(database: Database, storage: string): string {
  const insert = database.sql.prepare("INSERT OR IGNORE INTO setting (name, value) VALUES ('storage', ?)")
  insert.run(storage)
  return readStateStorage(database) ?? storage
}
