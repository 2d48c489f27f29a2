import type { Crash, Launches } from './records/deployment.ts'
import { computeRetryDelayMs } from './retry.ts'

/** A container of a pool, as its platform shows it. */
export interface Container {
  arn: string
  status: 'starting' | 'running' | 'stopped'
  /** When it began to run; absent: it has not. */
  startedAt?: number
  /** When it stopped; absent if it runs or never began. */
  stoppedAt?: number
  /** Why it stopped, if it never started or ended with an error. */
  failure?: string
}

/** How a launch went: what was started, and what stood in the way. */
export interface Launched {
  arns: string[]
  problem?: string
  /** There were too many requests: nothing is wrong with the container. */
  isThrottled?: true
}

/** A container that runs for so long works, unless an earlier one ran longer and crashed without a task. */
export const PROVED_MS = 60_000
/** However late a container crashed, the next one has proved itself after this time. */
const LONGEST_PROOF_MS = 60 * 60_000
/** Fargate starts 100 tasks in a burst and 20 a second: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/throttling.html */
const BURST = 100
const BACK_OFF = { attempts: 1, delayMs: 15_000, backoff: 'exponential' } as const
const LONGEST_MS = 15 * 60_000

/** A pool of which no container was started yet. */
export const makeLaunchRecord = (pool: string): Launches => ({
  kind: 'launches',
  pool,
  asked: 0,
  unproved: [],
  failures: 0,
})

/** What the containers that were started show: some work, some have failed, some are still to show it. */
export function recordContainerStates(
  row: Launches,
  seen: Container[],
  now: number,
  random: number,
): Launches {
  const started = seen.filter(({ arn }) => row.unproved.includes(arn))
  const { proveMs = PROVED_MS } = row
  const isProved = ({ status, startedAt, failure }: Container) =>
    startedAt !== undefined && (status === 'stopped' ? failure === undefined : now - startedAt >= proveMs)
  const failed = started.filter(({ failure }) => failure !== undefined)
  const unproved = started.filter((each) => each.status !== 'stopped' && !isProved(each))
  const left = { ...row, unproved: unproved.map(({ arn }) => arn) }
  const [first] = failed
  if (first !== undefined) {
    const longest = Math.max(
      ...failed.map(({ startedAt, stoppedAt = now }) => stoppedAt - (startedAt ?? stoppedAt)),
    )
    return recordLaunchFailure(withProof(left, longest), first.failure ?? '', now, random)
  }
  return started.some(isProved) ? withoutFailures(left) : left
}

/**
 * A container that had proved itself has crashed without a task: the next one has to run twice as long, or containers that
 * crash after a minute would be started for ever without a pause.
 */
export function recordContainerCrash(
  row: Launches,
  { ranMs, reason }: Crash,
  now: number,
  random: number,
): Launches {
  return recordLaunchFailure(withProof(row, ranMs), reason, now, random)
}

function withProof(row: Launches, ranMs: number): Launches {
  const proveMs = Math.min(Math.max(row.proveMs ?? PROVED_MS, 2 * ranMs), LONGEST_PROOF_MS)
  return ranMs < PROVED_MS ? row : { ...row, proveMs }
}

/** A start has failed: the next is delayed, longer each time, up to 15 minutes. Those that fail together count once. */
export function recordLaunchFailure(row: Launches, reason: string, now: number, random: number): Launches {
  if (now < (row.notBefore ?? 0)) return { ...row, reason }
  const failures = row.failures + 1
  const delayMs = Math.min(computeRetryDelayMs(BACK_OFF, failures, random), LONGEST_MS)
  return { ...row, failures, reason, notBefore: now + delayMs }
}

function withoutFailures({ reason: _, notBefore: __, proveMs: ___, ...row }: Launches): Launches {
  return { ...row, failures: 0 }
}

/**
 * How many containers to start: one for each message that no worker has taken, less those that are about to take one, up to
 * the pool's size. After a failure none before its time, then a single one that has to prove itself.
 */
export function countNeededLaunches(
  { failures, notBefore = 0, unproved }: Launches,
  containers: Container[],
  { messages, most, now }: { messages: number; most: number; now: number },
): number {
  if (now < notBefore) return 0
  const there = containers.filter(({ status }) => status !== 'stopped')
  const starting = there.filter(({ status }) => status === 'starting').length
  const wanted = Math.min(messages - starting, most - there.length, BURST)
  return Math.max(0, failures === 0 ? wanted : Math.min(wanted, 1 - unproved.length))
}
