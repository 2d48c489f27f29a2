import type { Params } from '../../core/json.ts'
import type { AttemptOutcome, RunStatus } from '../../core/records/status.ts'
import type { Config } from '../../define/config.ts'

/** An attempt that is about to be made. */
export interface AttemptToBe {
  pipeline: string
  family: string
  params: Params
  /** From 1, counting every attempt. */
  attempt: number
  /** When it starts, on the virtual clock. */
  at: Date
}

/** How an attempt that does not succeed ends: the message of a failure, or another cause. */
export type SimulatedFailure = string | { outcome: AttemptOutcome; message?: string }

/** What is simulated. */
export interface SimulateOptions extends Pick<Config, 'pools' | 'resources' | 'budgets'> {
  /** First and last day (or hour, `2026-03-01T10`), in UTC; the last one is included. */
  from: string
  to: string
  /** Says which attempts do not succeed. @default all succeed */
  fail?: (attempt: AttemptToBe) => SimulatedFailure | undefined
  /** How long an attempt takes. @default 60 */
  durationSeconds?: number | ((attempt: AttemptToBe) => number)
  /** Times in which nothing runs, as ISO instants: what ran is lost, what was due is made up for. */
  outages?: readonly { from: string; to: string }[]
  /** How many attempts are made at once. @default 100 */
  concurrency?: number
  /**
   * A folder that keeps the runs, for `sluice dev --state FOLDER` and `sluice runs --state FOLDER`. The state of an earlier
   * simulation in it is replaced; one of real runs is refused. @default nothing is kept
   */
  state?: string
}

/** A run of the simulation. */
export interface SimulatedRun {
  run: string
  pipeline: string
  params: Params
  status: RunStatus
  startedAt: Date
  endedAt: Date | undefined
  /** Begin of its interval, in the zone of the schedule. */
  interval: string | undefined
}

/** An attempt of the simulation. */
export interface SimulatedAttempt extends AttemptToBe {
  run: string
  outcome: AttemptOutcome
  endedAt: Date
}

/** What happened. */
export interface Simulation {
  /** In the order in which they were started. */
  runs: SimulatedRun[]
  attempts: SimulatedAttempt[]
}
