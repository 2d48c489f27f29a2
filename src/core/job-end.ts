import type { JobEnd } from './ports/launching.ts'
import type { Ending } from './ports/working.ts'
import type { Launch } from './records/launch.ts'
import type { AttemptOutcome } from './records/status.ts'

/* How the end of a job elsewhere becomes the end of its attempt. Only the user's own failures use up the retry policy. */

/** Exit code of a program that asks to be tried again, as for commands of plans. */
const EXIT_TRY_AGAIN = 75

/** What has to be known beside the end of the job. */
export interface JobEndDetails {
  /** The job was asked to stop, and why. */
  stopping?: Launch['stopping']
  /** A keeper runs beside the program and writes the end; what its service tells of exits is the keeper's exit. */
  hasKeeper: boolean
}

/**
 * The end of the attempt of a job that has ended. What stopped it decides, unless it had succeeded before it was stopped; a job that
 * was stopped from outside was interrupted.
 */
export function makeJobEnding(end: JobEnd, { stopping, hasKeeper }: JobEndDetails): Ending {
  const used = end.usage === undefined ? {} : { usage: end.usage }
  if (end.cause === 'succeeded' && !hasKeeper) return { outcome: 'succeeded', ...used }
  const outcome = stopping ?? findJobOutcome(end, hasKeeper)
  return {
    outcome,
    failure: { outcome, message: end.message },
    ...used,
    ...(stopping === undefined && end.cause === 'no_capacity' ? { awaits: 'capacity' } : {}),
    ...(stopping === undefined && end.cause === 'invalid' ? { isFinal: true } : {}),
  }
}

function findJobOutcome({ cause, exitCode }: JobEnd, hasKeeper: boolean): AttemptOutcome {
  switch (cause) {
    case 'succeeded':
    case 'failed':
      if (hasKeeper) return 'lost'
      return exitCode === EXIT_TRY_AGAIN ? 'throttled' : 'failed'
    case 'invalid':
      return 'failed'
    case 'timeout':
      return 'timed_out'
    case 'spot':
    case 'cancelled':
      return 'interrupted'
    case 'no_capacity':
    case 'never_started':
      return 'not_started'
    case 'out_of_memory':
    case 'lost':
      return cause
  }
}
