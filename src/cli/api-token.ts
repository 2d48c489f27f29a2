import { randomBytes } from 'node:crypto'
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeStateFolder } from '../adapters/sqlite/state-folder.ts'
import { readErrorCode, readErrorMessage, SluiceError } from '../core/errors.ts'

/**
 * The token of the API of `sluice dev`. It is in a file beside the state that only this user can read, so other users of
 * the machine cannot act. It stays the same, for programs that have it; without the file the next start makes another.
 */
export function readOrMakeApiToken(stateFolder: string): { path: string; value: string } {
  const path = join(stateFolder, 'api-token')
  makeStateFolder(stateFolder)
  try {
    const made = randomBytes(32).toString('base64url')
    try {
      writeFileSync(path, `${made}\n`, { flag: 'wx', mode: 0o600 })
    } catch (error) {
      if (readErrorCode(error) !== 'EEXIST') throw error
      chmodSync(path, 0o600)
    }
    const value = readFileSync(path, 'utf8').trim()
    if (value.length >= 32) return { path, value }
  } catch (error) {
    throw new SluiceError(
      'state_unusable',
      `The token of the API cannot be kept in ${path}: ${readErrorMessage(error)}.`,
      {
        cause: error,
      },
    )
  }
  throw new SluiceError('state_unusable', `${path} is no token of the API: it is too short.`, {
    hint: 'Remove the file; the next start makes another.',
  })
}
