import { computeBackOffMs } from './back-off.ts'
import type { Fields } from './change.ts'
import { type Moment, toSteadyInstant } from './moment.ts'
import type { Policy, RetryPolicy } from './plan.ts'
import type { AttemptOutcome } from './records/status.ts'
import type { Failure, TaskRun } from './records/task-run.ts'

/** Attempts of one task run that may end by the same free cause before it fails after all. */
export const MAX_FREE_ATTEMPTS = 20
/** Doubling without an end would give an instant that no calendar has. */
const LONGEST_DELAY_MS = 366 * 24 * 60 * 60_000
/** The first free attempt follows at once; a host that keeps dying is given time, but the task is not forgotten. */
const FREE_DELAY_MS = 1_000
const MAX_FREE_DELAY_MS = 5 * 60_000
const FREE_RETRY: RetryPolicy = {
  attempts: MAX_FREE_ATTEMPTS,
  delayMs: FREE_DELAY_MS,
  maxDelayMs: MAX_FREE_DELAY_MS,
  backoff: 'exponential',
}
/** How long a job waits at most before it is tried again whether there is a place for it. */
const CAPACITY_MS = 60_000
/** How often a body may run out of budget without a newer checkpoint. */
const MAX_EMPTY_HANDED = 2

/** How an attempt ended, as far as deciding needs it. */
export interface AttemptEnd {
  outcome: AttemptOutcome
  failure?: Failure
  /** Another attempt cannot help. */
  isFinal?: true
  /** The next attempt is not to start before, by the wall clock. */
  retryAt?: number
  /** There was no place for its job: the next attempt waits, and nothing is counted. */
  awaits?: 'capacity'
  /** It left a newer checkpoint. */
  hasCheckpoint?: boolean
}

/** The memory that an attempt had, and the most that its pool gives, in MB. */
export interface AttemptMemory {
  hadMb: number
  largestMb: number
}

/** What the next attempt gets after one that ran out of memory: twice as much, up to the largest; undefined if it had that. */
function nextMemoryMb({ hadMb, largestMb }: AttemptMemory): number | undefined {
  const more = Math.min(hadMb * 2, largestMb)
  return more > hadMb ? more : undefined
}

/** Whether an attempt that ended so uses up the retry policy. */
export function usesUpRetryPolicy(outcome: Failure['outcome'] | undefined): boolean {
  return outcome === 'failed' || outcome === 'timed_out' || outcome === 'out_of_memory'
}

/**
 * Delay before the next attempt: exponential with full jitter in its upper half, so that many failures spread out
 * (after "Exponential Backoff and Jitter", AWS Architecture Blog, 2015: "equal jitter"). Only `maxDelayMs` caps it.
 */
export function computeRetryDelayMs(policy: RetryPolicy, failures: number, random: number): number {
  if (policy.backoff === 'fixed') return policy.delayMs
  const { delayMs: firstMs, maxDelayMs: longestMs = LONGEST_DELAY_MS } = policy
  const delay = computeBackOffMs({ firstMs, longestMs }, failures - 1)
  return Math.round(delay * (0.5 + random / 2))
}

/** A failure without its stack: task runs and locks stay under 1 KB, the attempt keeps the whole story. */
export function shortenFailure({ outcome, message }: Failure): Failure {
  return { outcome, message }
}

/** What an end is looked at with. */
interface AfterAttempt {
  policy: Pick<Policy, 'retry'>
  memory: AttemptMemory
  moment: Moment
  /** From 0 up to 1. */
  random: number
}

/** What the end of an attempt makes of its task run. */
export function decideAfterAttempt(
  task: TaskRun,
  ending: AttemptEnd,
  { policy: { retry }, memory, moment, random }: AfterAttempt,
): Fields<TaskRun> {
  const { outcome } = ending
  const memoryMb = outcome === 'out_of_memory' ? nextMemoryMb(memory) : undefined
  const { now, steady } = moment
  const released = { nonce: undefined, leaseUntil: undefined, dueAt: undefined }
  if (outcome === 'succeeded') return { ...released, status: 'succeeded', endedAt: now, failure: undefined }
  if (outcome === 'cancelled') return { ...released, status: 'cancelled', endedAt: now }
  if (ending.awaits !== undefined) return { ...released, ...waitForCapacity(task, ending, moment, random) }
  const counted = { ...released, ...countedEnd(task, ending) }
  if (outcome === 'yielded')
    return { ...counted, ...NEXT, failure: undefined, status: 'expanding', attempt: task.attempt + 1 }
  if (outcome === 'over_budget' && (counted.emptyHanded ?? 0) >= MAX_EMPTY_HANDED)
    return { ...counted, status: 'failed', endedAt: now, failure: TOO_SMALL }
  const { counts } = counted
  // The same work in the same memory ends the same way.
  const isRepeated = outcome === 'out_of_memory' && memoryMb === undefined
  if (isLast(ending, isRepeated, isUsedUp(outcome, counts, retry)))
    return { ...counted, status: 'failed', endedAt: now }
  const delayMs = usesUpRetryPolicy(outcome)
    ? computeRetryDelayMs(retry, counts[outcome] ?? 1, random)
    : freeDelayMs(counts[outcome], random)
  const notBefore = Math.max(steady + delayMs, toSteadyInstant(ending.retryAt ?? 0, moment))
  return {
    ...counted,
    ...NEXT,
    status: 'queued',
    attempt: task.attempt + 1,
    readyAt: now + (notBefore - steady),
    notBefore,
    ...(memoryMb === undefined ? {} : { memoryMb }),
  }
}

/** What is known of an attempt alone is not known of the next. */
const NEXT: Fields<TaskRun> = { waitedSince: undefined, readyAt: undefined }

/** Whether no other attempt follows: none can help, it would end the same way, or the policy is used up. */
const isLast = ({ isFinal }: AttemptEnd, isRepeated: boolean, isUsed: boolean) =>
  isFinal === true || isRepeated || isUsed

/** A waiter whose next look is due in a while; all of them at once would be a herd. */
function waitForCapacity(
  task: TaskRun,
  { failure }: AttemptEnd,
  { now, steady }: Moment,
  random: number,
): Fields<TaskRun> {
  return {
    status: 'waiting',
    attempt: task.attempt + 1,
    waitsFor: 'capacity',
    waitingSince: now,
    readyAt: now,
    waitedSince: now,
    dueAt: steady + CAPACITY_MS * (0.5 + random / 2),
    failure: failure && shortenFailure(failure),
  }
}

/** What an end adds to what is counted. */
function countedEnd(task: TaskRun, { outcome, hasCheckpoint, failure }: AttemptEnd) {
  const counts: Counts = { ...task.counts, [outcome]: (task.counts?.[outcome] ?? 0) + 1 }
  const emptyHanded = (task.emptyHanded ?? 0) + (outcome === 'over_budget' ? 1 : 0)
  return {
    counts,
    emptyHanded: hasCheckpoint || emptyHanded === 0 ? undefined : emptyHanded,
    failure: failure && shortenFailure(failure),
  }
}

const TOO_SMALL: Failure = {
  outcome: 'over_budget',
  message:
    'budget_too_small: it ran out of budget twice without a newer checkpoint; declare more in `budgets`, or save a checkpoint before it runs out',
}

type Counts = Partial<Record<AttemptOutcome, number>>

/** How many attempts used up the retry policy; causes with limits of their own are counted apart. */
function usedOf({ failed = 0, timed_out = 0, out_of_memory = 0 }: Counts, retry: RetryPolicy): number {
  const timedOut = retry.timedOut === undefined ? timed_out : 0
  const outOfMemory = retry.outOfMemory === undefined ? out_of_memory : 0
  return failed + timedOut + outOfMemory
}

function isUsedUp(outcome: AttemptOutcome, counts: Counts, retry: RetryPolicy): boolean {
  const count = counts[outcome] ?? 0
  if (!usesUpRetryPolicy(outcome)) return count >= MAX_FREE_ATTEMPTS
  const own =
    outcome === 'timed_out' ? retry.timedOut : outcome === 'out_of_memory' ? retry.outOfMemory : undefined
  return own === undefined ? usedOf(counts, retry) >= retry.attempts : count >= own
}

function freeDelayMs(count: number | undefined, random: number): number {
  if (count === undefined || count <= 1) return 0
  return computeRetryDelayMs(FREE_RETRY, count, random)
}
