import type { AttemptHandover, JobState, JobTimes } from '../core/ports/launching.ts'
import type { ClaimedAttempt } from './claim.ts'
import type { Context } from './context.ts'
import { readLaunchClaim } from './launch.ts'
import { freeLaunch, type LaunchedTask, readLaunchedTask, updateLaunch } from './launch-record.ts'

/*
 * Attempts that one process claims and another runs: a launcher hands an attempt over to a keeper that it launches. Invariants:
 * 1. The token goes with the attempt, and the nonce stays in the record: whoever knows the token may take the attempt over.
 * 2. One process alone takes an attempt over; one that comes later, or after the end, gets nothing.
 * 3. An attempt that is being stopped is not taken over any more, so its body cannot begin after it was given up.
 */

/**
 * Takes the lease of an attempt over that another process has claimed: this worker's name and a lease from now on. `job`: in which
 * this process runs. Undefined if the attempt is over or to be stopped, or if another worker has taken it over before.
 */
export async function takeOverAttempt(
  context: Context,
  handover: AttemptHandover,
  { handle, times = {} }: { handle: string; times?: Pick<JobTimes, 'pullingAt' | 'startingAt'> },
): Promise<ClaimedAttempt | undefined> {
  const { ports, settings } = context
  const task = await readLaunchedTask(context, handover)
  const taken =
    task &&
    (await updateLaunch(context, task, ({ launch, worker }) => {
      const isOthers = launch.alive === true && worker !== settings.worker
      if (isOthers || launch.stopping !== undefined) return undefined
      return {
        worker: settings.worker,
        leaseUntil: ports.clock.steady() + settings.leaseMs,
        launch: {
          ...freeLaunch(launch),
          handle,
          alive: true,
          times: { ...launch.times, ...times, runningAt: ports.clock.now() },
        },
      }
    }))
  return taken && readLaunchClaim(context, taken)
}

/** How long the lease of a job without a keeper lasts after each look, so that it is not lost before several looks were missed. */
const LOOK_LEASE_MS = 10 * 60_000

/**
 * Takes the lease of a job over for the service that says that it runs: the first look that sees it, and each one after that. Of one that
 * waits for a place at its service the time until it has to be alive counts anew.
 */
export async function takeOverForService(
  context: Context,
  task: LaunchedTask,
  handle: string,
  { is, times: { endedAt: _, ...times } }: JobState,
): Promise<LaunchedTask | undefined> {
  const steady = context.ports.clock.steady()
  if (is === 'running')
    return updateLaunch(context, task, ({ launch }) => ({
      leaseUntil: steady + LOOK_LEASE_MS,
      launch: {
        ...freeLaunch(launch),
        handle,
        alive: true,
        // What was told first stays: not every service tells these instants, and a timeout counts from one.
        times: { runningAt: context.ports.clock.now(), ...times, ...launch.times },
      },
    }))
  const { startMs } = context.launching ?? { startMs: 0 }
  if (is !== 'waiting' || startMs === 0) return task
  return updateLaunch(context, task, ({ launch, leaseUntil = 0 }) => ({
    leaseUntil: Math.max(leaseUntil, steady + startMs),
    launch: { ...freeLaunch(launch), handle, deadline: Math.max(launch.deadline, steady + startMs) },
  }))
}
