import { SluiceError } from '../core/errors.ts'

/** How a write fails when nothing reads a pipe any more, or its terminal is gone. */
const UNREAD = ['EPIPE', 'EIO', 'ERR_STREAM_DESTROYED']

const unread = new AbortController()
let failure: Error | undefined

/** Aborted once nothing reads standard output any more: a command that only prints has nothing left to do. */
export const outputUnread: AbortSignal = unread.signal

/** Output that is not read is no failure: the command goes on, and its exit code stays its own. */
export function tolerateUnreadOutput(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (UNREAD.includes(error.code ?? '')) unread.abort()
    else failure ??= error
  })
  // There is no other place to say that standard error cannot be written.
  process.stderr.on('error', () => {})
}

/** Waits until everything is written; throws if it could not be, as on a full disk. */
export async function flushOutput(): Promise<void> {
  // A pipe takes what is written in its own time.
  for (const stream of [process.stdout, process.stderr])
    await new Promise<void>((resolve) => stream.write('', () => resolve()))
  if (failure === undefined) return
  const cause = failure
  failure = undefined
  throw new SluiceError('output_unwritable', `The output cannot be written: ${cause.message}.`, { cause })
}
