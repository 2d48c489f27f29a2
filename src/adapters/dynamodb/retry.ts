import { setTimeout as sleep } from 'node:timers/promises'
import { readErrorName } from '../../core/errors.ts'

const FIRST_MS = 25
const LONGEST_MS = 2_000
const TRIES = 12

/** Errors and cancellation reasons that say "not now". */
const PASSING =
  /^(TransactionConflict(Exception)?|TransactionInProgressException|ThrottlingError|ThrottlingException|ProvisionedThroughputExceeded(Exception)?|RequestLimitExceeded)$/

/** Whether an error or the code of a cancellation reason passes by itself. */
export const isPassingFailure = (name: string | undefined): boolean => PASSING.test(name ?? '')

/**
 * Tries again while `attempt` returns undefined or throws what passes, with exponential back-off and full jitter
 * (AWS Architecture Blog, "Exponential Backoff And Jitter").
 */
export async function retryPassingFailures<T>(attempt: () => Promise<T | undefined>): Promise<T> {
  let last: unknown = new Error('DynamoDB is busy')
  for (let tries = 0; tries < TRIES; tries++) {
    try {
      const result = await attempt()
      if (result !== undefined) return result
    } catch (error) {
      if (!isPassingFailure(readErrorName(error))) throw error
      last = error
    }
    await sleep(Math.random() * Math.min(FIRST_MS * 2 ** tries, LONGEST_MS))
  }
  throw last
}
