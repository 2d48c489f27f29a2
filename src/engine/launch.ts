import type { GovernorLimits } from '../core/governor.ts'
import { keys } from '../core/keys.ts'
import { type Delivery, MAX_DELAY_MS, type Message } from '../core/ports/deciding.ts'
import type { Launcher, LaunchRefusal } from '../core/ports/launching.ts'
import type { Ending } from '../core/ports/working.ts'
import { type ByService, getLaunchService } from '../core/records/launch.ts'
import { type ClaimedAttempt, claimAttempt, readClaimedAttempt } from './claim.ts'
import { readPlannedTask } from './claim-snapshot.ts'
import { type Context, LAUNCHER_MS } from './context.ts'
import { slowLaunchesDown, takeLaunch } from './launch-rate.ts'
import {
  endLaunchedAttempt,
  findLaunchedTask,
  freeLaunch,
  keepHandle,
  type LaunchedTask,
  makeLaunchQuery,
  updateLaunch,
} from './launch-record.ts'

/*
 * Launches of jobs elsewhere: a message becomes an attempt with an intent, and the intent a job. Invariants:
 * 1. The intent, with its token, is written together with the claim, before anything is launched.
 * 2. One process at a time launches an intent, under its token. What comes after a crash looks for the job before it launches.
 * 3. A message is acknowledged only once the handle is written, or nothing is to be launched any more.
 * 4. Each call to the service has been given its instant by the account's governor.
 * 5. A job is only launched where the intent says, so that it is found there.
 * 6. A job whose attempt is over when it is launched is stopped at once; if that is cut, the sweep stops it.
 */

/** How jobs of one service are launched; `D` as of the launcher. */
export interface LaunchParts<D> {
  launcher: Launcher<D>
  governor: GovernorLimits
  /** What to launch for an attempt at its target, or why that cannot be said. */
  makeDetails(claimed: ClaimedAttempt): { details: D } | { problem: string }
}

/** The same for each service. */
export type LaunchServices = ByService<LaunchParts<unknown>>

/** Each look at a message costs a call; a message of a full pool may come often. */
const LEAST_DELAY_MS = 1_000
const EARLY_MS = 5_000

/** Claims the attempt of a message and launches its job; goes on with a launch that was cut. */
export async function launchDelivery(
  context: Context,
  services: LaunchServices,
  delivery: Delivery,
): Promise<void> {
  const delayMs = await launchMessage(context, services, delivery.message)
  if (delayMs === undefined) return context.ports.queue.acknowledge([delivery])
  await context.ports.queue.putBack(delivery, Math.min(MAX_DELAY_MS, Math.max(delayMs, LEAST_DELAY_MS)))
}

/** In how many milliseconds the message is to come again; undefined if there is nothing left to launch. */
async function launchMessage(
  context: Context,
  services: LaunchServices,
  message: Message,
): Promise<number | undefined> {
  const result = await claimAttempt(context, message)
  if (result.is === 'early') return Math.max(result.delayMs, EARLY_MS * (1 + context.ports.random.number()))
  if (result.is === 'unfit') return LAUNCHER_MS
  const claimed = result.is === 'ours' ? result.claimed : undefined
  const [stored] =
    claimed === undefined
      ? await context.ports.store.read([keys.taskRun(message.run, message.number)])
      : [claimed.task]
  const task = findLaunchedTask(stored)
  if (task === undefined || task.attempt !== message.attempt || task.launch.handle !== undefined)
    return undefined
  const service = getLaunchService(task.launch)
  const parts = services[service]
  if (parts === undefined) return endUnknown(context, task, service)
  return claimed === undefined ? goOn(context, parts, task) : launchInTurn(context, parts, task, claimed)
}

/** The code that planned or claimed it was of another version than this one. */
async function endUnknown(context: Context, task: LaunchedTask, service: string): Promise<undefined> {
  const claimed = await readLaunchClaim(context, task)
  const message = `the deployment launches nothing by the service ${service}`
  return endRefused(context, task, claimed, { is: 'invalid', message })
}

/** Goes on with an attempt that was claimed some time ago, as its only launcher. */
async function goOn<D>(
  context: Context,
  parts: LaunchParts<D>,
  task: LaunchedTask,
): Promise<number | undefined> {
  const { clock } = context.ports
  const { busyUntil, launchAt = 0 } = task.launch
  const freeAt = Math.max(busyUntil ?? 0, launchAt)
  if (freeAt > clock.steady()) return freeAt - clock.steady()
  const mine = await updateLaunch(context, task, ({ launch }) =>
    launch.handle !== undefined || (launch.busyUntil ?? 0) > clock.steady()
      ? undefined
      : { launch: { ...launch, busyUntil: clock.steady() + LAUNCHER_MS } },
  )
  if (mine === undefined) return LAUNCHER_MS
  // A launcher before this one was cut, and may have launched the job.
  const handle = busyUntil === undefined ? undefined : await parts.launcher.find(makeLaunchQuery(mine))
  if (handle !== undefined) {
    await keepHandle(context, parts.launcher, mine, handle)
    return undefined
  }
  const claimed = await readLaunchClaim(context, mine)
  if (!(await isJobCancelled(context, mine))) return launchInTurn(context, parts, mine, claimed)
  await endLaunchedAttempt(context, mine, claimed.planned, { outcome: 'cancelled' })
  return undefined
}

/** Launches the job if its turn has come, or notes when it comes. */
async function launchInTurn<D>(
  context: Context,
  parts: LaunchParts<D>,
  task: LaunchedTask,
  claimed: ClaimedAttempt,
): Promise<number | undefined> {
  if (task.launch.launchAt !== undefined) return callService(context, parts, task, claimed)
  const { isTaken, waitMs } = await takeLaunch(context, parts.governor)
  if (waitMs === 0) return callService(context, parts, task, claimed)
  await waitForTurn(context, task, isTaken ? context.ports.clock.steady() + waitMs : undefined)
  return waitMs
}

/** Whether a job is not to be done any more: its task was cancelled, or its run. */
export async function isJobCancelled(
  { ports }: Context,
  { run, cancelledAt }: LaunchedTask,
): Promise<boolean> {
  if (cancelledAt !== undefined) return true
  const [record] = await ports.store.read([keys.run(run)])
  return record === undefined || record.cancelledAt !== undefined
}

/** Leaves the launch to whoever comes next; the time until the job has to be alive counts from its turn, if it has one. */
async function waitForTurn(
  context: Context,
  task: LaunchedTask,
  launchAt: number | undefined,
): Promise<void> {
  const movedMs = launchAt === undefined ? 0 : launchAt - context.ports.clock.steady()
  await updateLaunch(context, task, ({ launch, leaseUntil = 0 }) =>
    launch.handle === undefined && launch.launchAt === undefined
      ? {
          launch: {
            ...freeLaunch(launch),
            deadline: launch.deadline + movedMs,
            ...(launchAt === undefined ? {} : { launchAt }),
          },
          leaseUntil: leaseUntil + movedMs,
        }
      : undefined,
  )
}

/** The attempt of a launch as its claim returned it, for the process that goes on with it. */
export const readLaunchClaim = async (context: Context, task: LaunchedTask): Promise<ClaimedAttempt> =>
  readClaimedAttempt(context, task, await readPlannedTask(context, task), {
    nonce: task.nonce,
    replaces: task.launch.replaces ?? false,
  })

async function callService<D>(
  context: Context,
  parts: LaunchParts<D>,
  task: LaunchedTask,
  claimed: ClaimedAttempt,
): Promise<number | undefined> {
  const { run, number, attempt, launch } = task
  const made = parts.makeDetails(claimed)
  const place = context.launching?.placeOf?.(claimed.planned)
  const target = launch.place?.target ?? place?.target
  if ('problem' in made || target === undefined)
    return endRefused(context, task, claimed, {
      is: 'invalid',
      message: 'problem' in made ? made.problem : 'the deployment no longer knows what to launch for it',
    })
  // Held up for too long: the tick may have ended it by now.
  if (context.ports.clock.steady() >= launch.deadline) return undefined
  // An earlier launcher may have noted a place that is gone, and launched nothing there.
  const wanted = place?.service === getLaunchService(launch) ? place.target : target
  const located = await locateTarget(context, parts, task, { wanted, target })
  if (located === undefined) return undefined
  const answer =
    located.is === 'located'
      ? await parts.launcher.launch({
          ...made,
          target: located.target,
          handover: { run, number, attempt, token: launch.token },
        })
      : located
  if (answer.is === 'throttled') return tryLater(context, parts, task)
  if (answer.is === 'launched') await keepHandle(context, parts.launcher, task, answer.handle)
  else await endRefused(context, task, claimed, answer)
  return undefined
}

/** The place of a job, noted in its intent; undefined if its attempt is over. */
async function locateTarget<D>(
  context: Context,
  { launcher }: LaunchParts<D>,
  task: LaunchedTask,
  { wanted, target }: { wanted: string; target: string },
): Promise<{ is: 'located'; target: string } | LaunchRefusal | undefined> {
  if (launcher.locate === undefined) return { is: 'located', target }
  const located = await launcher.locate(wanted)
  if (located.is !== 'located' || located.target === task.launch.place?.target) return located
  const noted = await updateLaunch(context, task, ({ launch }) =>
    launch.handle !== undefined || launch.place === undefined
      ? undefined
      : { launch: { ...launch, place: { ...launch.place, target: located.target } } },
  )
  return noted && located
}

/** The service has launched nothing, so the next launcher need not look for a job; it asks for another turn. */
async function tryLater<D>(context: Context, parts: LaunchParts<D>, task: LaunchedTask): Promise<number> {
  await slowLaunchesDown(context, parts.governor)
  await updateLaunch(context, task, ({ launch: { launchAt: _, ...launch } }) => ({
    launch: freeLaunch(launch),
  }))
  return LEAST_DELAY_MS
}

/** Ends an attempt that could not be launched. */
async function endRefused(
  context: Context,
  task: LaunchedTask,
  { planned }: ClaimedAttempt,
  { is, message }: LaunchRefusal,
): Promise<undefined> {
  const text = `its job could not be launched: ${message}`
  const ending: Ending =
    is === 'invalid'
      ? { outcome: 'failed', isFinal: true, failure: { outcome: 'failed', message: text } }
      : {
          outcome: 'not_started',
          awaits: 'capacity',
          failure: { outcome: 'not_started', message: text },
        }
  await endLaunchedAttempt(context, task, planned, ending)
}
