/** Primary result code of a locked database: https://www.sqlite.org/rescode.html#busy */
const SQLITE_BUSY = 5
/** After this time a person is told what a process waits for. */
const TOLD_MS = 5_000
/** A process that was stopped in the middle of a transaction goes on, or is ended, by then. */
const GIVEN_UP_MS = 10 * 60_000
/** How long a process pauses between two tries. */
export const BUSY_PAUSE_MS = 50

/** The primary result code of an error of SQLite; 0 for any other error. */
export const readSqliteCode = (error: unknown): number =>
  error instanceof Error && 'errcode' in error ? Number(error.errcode) & 0xff : 0

/** Whether SQLite refused because another process has the database locked. */
export const isDatabaseBusy = (error: unknown): boolean => readSqliteCode(error) === SQLITE_BUSY

/** How long a process goes on trying while another one has the database locked. */
export interface Patience {
  /** Whether it is to be tried again after this error. */
  mayTryAgain(error: unknown): boolean
  /** It worked. */
  over(): void
  /** Tries until it works or that takes too long; blocks this process meanwhile. */
  insist(step: () => void): void
}

/** `tell` is called once for each wait that takes longer than a moment, with its length. */
export function makePatience(tell: (seconds: number) => void): Patience {
  let since: number | undefined
  let isTold = false
  const over = () => {
    since = undefined
    isTold = false
  }

  function mayTryAgain(error: unknown): boolean {
    if (!isDatabaseBusy(error)) return false
    const now = performance.now()
    since ??= now
    const waitedMs = now - since
    if (waitedMs >= TOLD_MS && !isTold) {
      isTold = true
      tell(Math.round(waitedMs / 1_000))
    }
    return waitedMs < GIVEN_UP_MS
  }

  return {
    mayTryAgain,
    over,
    insist(step) {
      for (;;)
        try {
          step()
          return over()
        } catch (error) {
          if (!mayTryAgain(error)) throw error
          Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, BUSY_PAUSE_MS)
        }
    },
  }
}
