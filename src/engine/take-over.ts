import type { AttemptHandover, JobTimes } from '../core/ports/launching.ts'
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

/** Takes the lease of a job over for the service that says that it runs: the first look that sees it, and each one after that. */
export const takeOverForService = (
  context: Context,
  task: LaunchedTask,
  { handle, times: { endedAt: _, ...times } }: { handle: string; times: JobTimes },
): Promise<LaunchedTask | undefined> =>
  updateLaunch(context, task, ({ launch }) => ({
    leaseUntil: context.ports.clock.steady() + LOOK_LEASE_MS,
    launch: { ...freeLaunch(launch), handle, alive: true, times: { ...launch.times, ...times } },
  }))
