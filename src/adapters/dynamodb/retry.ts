import { setTimeout as sleep } from 'node:timers/promises'
import { computeJitteredBackOffMs } from '../../core/back-off.ts'
import { readErrorName } from '../../core/errors.ts'

const BACK_OFF = { firstMs: 25, longestMs: 2_000 }
const TRIES = 12

/** Errors and cancellation reasons that say "not now". */
const PASSING =
  /^(TransactionConflict(Exception)?|TransactionInProgressException|ThrottlingError|ThrottlingException|ProvisionedThroughputExceeded(Exception)?|RequestLimitExceeded)$/

/** Whether an error or the code of a cancellation reason passes by itself. */
export const isPassingFailure = (name: string | undefined): boolean => PASSING.test(name ?? '')

/**
 * Tries again while `attempt` returns undefined or throws what passes.
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
    await sleep(computeJitteredBackOffMs(BACK_OFF, tries, Math.random()))
  }
  throw last
}
