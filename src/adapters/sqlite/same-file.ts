import { statSync } from 'node:fs'
import { SluiceError } from '../../core/errors.ts'

/** How often the file is looked at. */
const LOOK_MS = 1_000

/**
 * Returns what throws if the file of an open state is no longer the one that its path names: SQLite goes on with a file
 * that has been deleted, and what it writes then is lost, while another process makes a new state in its place.
 */
export function makeSameFileCheck(path: string): () => void {
  const opened = statSync(path)
  let lookedAt = performance.now()
  let isSame = true
  return () => {
    const now = performance.now()
    if (isSame && now - lookedAt < LOOK_MS) return
    lookedAt = now
    const stands = statSync(path, { throwIfNoEntry: false })
    isSame = stands?.ino === opened.ino && stands.dev === opened.dev
    if (!isSame) throw makeGoneError(path, stands !== undefined)
  }
}

const makeGoneError = (path: string, isReplaced: boolean) =>
  new SluiceError(
    'state_gone',
    `The state ${path} was ${isReplaced ? 'replaced by another file' : 'deleted'} while this process worked on it.`,
    {
      hint: 'What it did since cannot be kept. Bring the state back, or give the command again: outputs that are there are not made again.',
    },
  )
