import type { BodyEnd, Ending, Job } from '../core/ports/working.ts'
import type { StartTimes } from '../core/records/launch.ts'
import type { AttemptOutcome } from '../core/records/status.ts'
import type { Failure } from '../core/records/task-run.ts'

/** What an attempt used, as far as its kind of runner can tell. */
export interface AttemptUsage {
  peakMemoryBytes?: number
  cpuSeconds?: number
  /** Digest of the image of its container. */
  image?: string
  times?: StartTimes
  /** What it has told before its end, for the next attempt and for budgets; a reported end has its own. */
  told?: Pick<Ending, 'checkpoint' | 'spent'>
}

/** How what ran for an attempt has ended: a fact, whatever it was asked to do. */
export type AttemptExit = AttemptUsage &
  (
    | { is: 'not-started'; message: string }
    /** It has said itself how it ended. */
    | { is: 'reported'; end: BodyEnd }
    /** It ended without a word; `failure` is the cause if it was not asked to stop. */
    | { is: 'died'; failure: AttemptFailure; isFinal?: true }
  )

/** A failure of an attempt, not of its planning. */
export type AttemptFailure = Failure & { outcome: AttemptOutcome }

/** An ending as a failure. */
export const makeFailureEnding = (outcome: AttemptOutcome, message: string): Ending => ({
  outcome,
  failure: { outcome, message },
})

/** What the life of an attempt has come to beside its exit. */
export interface StopState {
  /** Why it was asked to stop. */
  reason: AttemptOutcome | undefined
  /** Why it was not allowed to publish. */
  refusal: string | undefined
}

/**
 * Which of several ends counts. An end that was reported stands, except a failure of an attempt that was asked to stop or was
 * not allowed to publish: it failed because of that. A death is one of the reason for which it was asked to stop.
 */
export function decideAttemptEnding(exit: EndedExit, { reason, refusal }: StopState, job: Job): Ending {
  if (exit.is === 'not-started') return makeFailureEnding('not_started', exit.message)
  if (exit.is === 'died') {
    const { failure, isFinal } = exit
    return reason === undefined
      ? { outcome: failure.outcome, failure, ...(isFinal ? { isFinal } : {}) }
      : makeStoppedEnding(reason, job)
  }
  const { ending } = exit
  if (ending.outcome !== 'failed' || (reason ?? refusal) === undefined) return ending
  const { checkpoint, spent } = ending
  return {
    ...(reason === undefined ? makeFailureEnding('lost', refusal ?? '') : makeStoppedEnding(reason, job)),
    ...(checkpoint === undefined ? {} : { checkpoint }),
    ...(spent === undefined ? {} : { spent }),
  }
}

/** An exit after what was reported has been completed: outputs published, what it yielded read. */
export type EndedExit = Exclude<AttemptExit, { is: 'reported' }> | { is: 'reported'; ending: Ending }

/** How an attempt ended that was asked to stop for this reason. */
export function makeStoppedEnding(reason: AttemptOutcome, { task: { policy } }: Job): Ending {
  if (reason !== 'timed_out') return makeFailureEnding(reason, `the attempt was stopped (${reason})`)
  return makeFailureEnding(reason, `it took longer than its timeout of ${(policy.timeoutMs ?? 0) / 1000} s`)
}
