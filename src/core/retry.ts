import type { AttemptOutcome, Failure, TaskRun } from './model.ts'
import type { RetryPolicy } from './plan.ts'

/** Free attempts of one task run before it fails after all. */
export const MAX_FREE_ATTEMPTS = 20
const MAX_DELAY_MS = 60 * 60_000
/** The first free attempt follows at once; a host that keeps dying is given time, but the task is not forgotten. */
const FREE_DELAY_MS = 1_000
const MAX_FREE_DELAY_MS = 5 * 60_000

/** Whether an attempt that ended so uses up the retry policy. */
export function usesUpRetry(outcome: Failure['outcome'] | undefined): boolean {
  return outcome === 'failed' || outcome === 'timed_out' || outcome === 'out_of_memory'
}

/**
 * Delay before the next attempt: exponential with full jitter in its upper half, so that many failures spread out
 * (after "Exponential Backoff and Jitter", AWS Architecture Blog, 2015: "equal jitter").
 */
export function retryDelayMs(policy: RetryPolicy, failures: number, random: number): number {
  if (policy.backoff === 'fixed') return policy.delayMs
  const delay = Math.min(policy.delayMs * 2 ** (failures - 1), MAX_DELAY_MS)
  return Math.round(delay * (0.5 + random / 2))
}

/** A failure without its stack: task runs and locks stay under 1 KB, the attempt keeps the whole story. */
export function briefly({ outcome, message }: Failure): Failure {
  return { outcome, message }
}

/** What the end of an attempt makes of its task run. `random` is from 0 up to 1. */
export function afterAttempt(
  task: TaskRun,
  ending: { outcome: AttemptOutcome; failure?: Failure },
  policy: RetryPolicy,
  now: number,
  random: number,
): Partial<TaskRun> {
  const released = { nonce: undefined, leaseUntil: undefined, dueAt: undefined, worker: undefined }
  if (ending.outcome === 'succeeded')
    return { ...released, status: 'succeeded', endedAt: now, failure: undefined }
  if (ending.outcome === 'cancelled') return { ...released, status: 'cancelled', endedAt: now }
  const counts = usesUpRetry(ending.outcome)
  const used = task.used + (counts ? 1 : 0)
  const free = task.free + (counts ? 0 : 1)
  const counted = { ...released, used, free, failure: ending.failure && briefly(ending.failure) }
  if (counts ? used >= policy.attempts : free >= MAX_FREE_ATTEMPTS)
    return { ...counted, status: 'failed', endedAt: now }
  const delayMs = counts ? retryDelayMs(policy, used, random) : freeDelayMs(free, random)
  return { ...counted, status: 'queued', attempt: task.attempt + 1, notBefore: now + delayMs }
}

function freeDelayMs(free: number, random: number): number {
  if (free === 1) return 0
  const policy: RetryPolicy = { attempts: MAX_FREE_ATTEMPTS, delayMs: FREE_DELAY_MS, backoff: 'exponential' }
  return Math.min(retryDelayMs(policy, free, random), MAX_FREE_DELAY_MS)
}
