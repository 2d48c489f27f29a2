import { splitIntoChunks } from '../core/chunks.ts'
import { throwAllErrors } from '../core/errors.ts'
import { makeJobEnding } from '../core/job-end.ts'
import { keys } from '../core/keys.ts'
import type { PlannedTask } from '../core/plan.ts'
import type { JobEnd, JobNews, JobState, Launcher } from '../core/ports/launching.ts'
import { type ByService, getLaunchService, type Launch } from '../core/records/launch.ts'
import type { TaskRun } from '../core/records/task-run.ts'
import { readPlannedTask } from './claim-snapshot.ts'
import type { Context } from './context.ts'
import { isJobCancelled } from './launch.ts'
import {
  endLaunchedAttempt,
  findLaunchedTask,
  keepHandle,
  type LaunchedTask,
  makeLaunchQuery,
  readLaunchedTask,
  selectHandedOver,
  updateLaunch,
} from './launch-record.ts'
import { takeOverForService } from './take-over.ts'
import { decideForRun } from './undecidable.ts'

/*
 * Jobs elsewhere after their launch: news and looks end their attempts. Invariants:
 * 1. The record alone says whether an attempt is still that of the job: news of a job may come late, twice and in any order.
 * 2. An attempt whose job may run is not ended: it is stopped with each look until it is seen stopped, and then ended.
 * 3. An attempt without a handle ends only once no launcher can still be at work on it.
 */

/** How jobs of one service are looked at, and end their attempts; `D` as of the launcher. */
export interface LookParts<D> {
  launcher: Launcher<D>
  /**
   * Whether the targets of a task are there whose job has ended well. Absent: a keeper beside each job takes its lease over, publishes,
   * and writes the end.
   */
  isMade?(planned: PlannedTask): Promise<boolean>
}

/** The same for each service. */
export type LookServices = ByService<LookParts<unknown>>

/** News alone end attempts; nothing is looked at. */
type NewsParts = Pick<LookParts<unknown>, 'isMade'> & { launcher?: Launcher<unknown> }

/** How many attempts one tick looks at. */
const LOOKED_AT = 10_000
/** How many of a service that this deployment knows no more. */
const UNKNOWN_PAGE = 100

/** Does what a piece of news asks for; `services`: those whose news come here. */
export async function handleJobNews(
  context: Context,
  services: ByService<NewsParts>,
  { handle, handover, state }: JobNews,
): Promise<void> {
  const task = await readLaunchedTask(context, handover)
  // Another job of the same attempt, which its launcher or the sweep stops.
  if (task === undefined || (task.launch.handle ?? handle) !== handle) return
  const parts = services[getLaunchService(task.launch)]
  if (parts !== undefined)
    await decideForRun(context, task.run, () => handleState(context, parts, task, handle, state))
}

/** Looks at the jobs whose turn it is, many in a call: ends what has ended, stops what must not go on. */
export async function lookAtDueJobs(context: Context, services: LookServices): Promise<void> {
  const { store, clock } = context.ports
  const due = await store.due({ before: clock.steady(), limit: LOOKED_AT })
  const listed = due.flatMap(({ record }) =>
    record.kind === 'taskRun' && record.status === 'running' && record.launch
      ? [{ ...record, launch: record.launch }]
      : [],
  )
  const looks = [...Map.groupBy(listed, ({ launch }) => getLaunchService(launch))].map(([service, tasks]) =>
    lookAtService(context, services[service], tasks),
  )
  // A service that does not answer does not keep the looks at others away.
  throwAllErrors(await Promise.allSettled(looks), 'jobs of several services could not be looked at')
}

async function lookAtService(
  context: Context,
  parts: LookParts<unknown> | undefined,
  listed: TaskRun[],
): Promise<void> {
  for (const page of splitIntoChunks(listed, parts?.launcher.maxLook ?? UNKNOWN_PAGE)) {
    const records = await context.ports.store.read(page.map((task) => keys.taskRun(task.run, task.number)))
    const tasks = records.flatMap((record) => findLaunchedTask(record) ?? [])
    if (parts !== undefined) await lookAtPage(context, parts, tasks)
    // Its jobs can be neither seen nor stopped from here.
    else
      for (const task of tasks) await decideForRun(context, task.run, () => handleUnknown(context, {}, task))
  }
}

async function lookAtPage(context: Context, parts: LookParts<unknown>, tasks: LaunchedTask[]): Promise<void> {
  const { launcher } = parts
  const launched = tasks.flatMap((task) =>
    task.launch.handle === undefined ? [] : [{ task, handle: task.launch.handle }],
  )
  for (const task of tasks)
    if (task.launch.handle === undefined)
      await decideForRun(context, task.run, () => handleIntent(context, parts, task))
  if (launched.length === 0) return
  const states = await launcher
    .look(launched.map(({ handle }) => handle))
    .catch((error) => deferLooks(context, tasks, error))
  for (const [index, { task, handle }] of launched.entries())
    await decideForRun(context, task.run, () => handleState(context, parts, task, handle, states[index]))
}

/** A launch that was cut, or is under way. Its message comes again; if that is lost, the attempt ends at its deadline. */
async function handleIntent(context: Context, parts: LookParts<unknown>, task: LaunchedTask): Promise<void> {
  const { deadline, busyUntil = 0 } = task.launch
  const { ports, settings } = context
  // By every clock, no launcher begins a call any more, and one that was begun has been answered.
  if (ports.clock.steady() < Math.max(deadline, busyUntil) + settings.skewMs) return lookAgain(context, task)
  const handle = await parts.launcher.find(makeLaunchQuery(task))
  if (handle !== undefined) return keepHandle(context, parts.launcher, task, handle)
  const end = { cause: 'never_started', message: 'its job was not launched in time' } as const
  await endJob(context, parts, task, end, pickLease(task))
}

/** A service that does not answer is asked again later, so that what is due beside its jobs has its turn. */
async function deferLooks(context: Context, tasks: LaunchedTask[], error: unknown): Promise<never> {
  for (const task of tasks) await lookAgain(context, task)
  throw error
}

async function handleState(
  context: Context,
  parts: NewsParts,
  task: LaunchedTask,
  handle: string,
  state: JobState | undefined,
): Promise<void> {
  const hasKeeper = parts.isMade === undefined
  if (state === undefined) return handleUnknown(context, parts, task)
  if (state.is === 'ended')
    return endJob(context, parts, task, state.end ?? { cause: 'lost', message: 'its end is not known' })
  const seen = hasKeeper ? task : await takeOverForService(context, task, handle, state)
  if (seen === undefined) return
  const why = seen.launch.stopping ?? (await findStopReason(context, seen, hasKeeper))
  if (why === undefined) return lookAgain(context, seen)
  await stopJob(context, parts, seen, handle, why)
}

/** A service may not know yet what it has just launched; while the lease is extended, a keeper runs. */
async function handleUnknown(context: Context, parts: NewsParts, task: LaunchedTask): Promise<void> {
  if (!isLeaseOver(context, task)) return lookAgain(context, task)
  const end = { cause: 'lost', message: 'its service does not know its job' } as const
  await endJob(context, parts, task, end, pickLease(task))
}

/** What is not known of a job ends its attempt only if nobody has extended the lease meanwhile. */
const pickLease = ({ leaseUntil }: LaunchedTask): Pick<TaskRun, 'leaseUntil'> => ({ leaseUntil })

/** By every clock. */
const isLeaseOver = ({ ports, settings }: Context, { leaseUntil = 0 }: LaunchedTask) =>
  ports.clock.steady() >= leaseUntil + settings.skewMs

/** Why a job that has not ended is to be stopped; a keeper stops its own program as long as it extends the lease. */
async function findStopReason(
  context: Context,
  task: LaunchedTask,
  hasKeeper: boolean,
): Promise<Launch['stopping'] | undefined> {
  const { clock } = context.ports
  const { alive, deadline, times } = task.launch
  if (alive && hasKeeper) return isLeaseOver(context, task) ? 'lost' : undefined
  if (await isJobCancelled(context, task)) return 'cancelled'
  // A job that waits for a place at its service has been given more time before.
  if (!alive && clock.steady() >= deadline) return 'not_started'
  if (times.runningAt === undefined || hasKeeper) return undefined
  const { timeoutMs = Number.POSITIVE_INFINITY } = (await readPlannedTask(context, task)).policy
  return clock.now() - times.runningAt >= timeoutMs ? 'timed_out' : undefined
}

/** Notes why a job is stopped, then asks for it, with each look anew until it is seen stopped. */
async function stopJob(
  context: Context,
  { launcher }: NewsParts,
  task: LaunchedTask,
  handle: string,
  why: Launch['stopping'] & string,
): Promise<void> {
  const noted = await updateLaunch(context, task, (standing) => {
    // A keeper has extended its lease meanwhile.
    const isBack = why === 'lost' && standing.leaseUntil !== task.leaseUntil
    const stopping = standing.launch.stopping ?? (isBack ? undefined : why)
    return stopping && { launch: { ...standing.launch, handle, stopping }, dueAt: nextLookAt(context) }
  })
  if (noted !== undefined) await launcher?.stop(handle, `its attempt is ${why}`)
}

const nextLookAt = ({ ports, launching }: Context) => ports.clock.steady() + (launching?.lookMs ?? 0)

/** The next look is due in a while. */
async function lookAgain(context: Context, { run, number, attempt, nonce }: LaunchedTask): Promise<void> {
  await context.ports.store.write([
    {
      key: keys.taskRun(run, number),
      set: { dueAt: nextLookAt(context) },
      if: { status: 'running', attempt, nonce },
    },
  ])
}

/** Writes the end of an attempt by the end of its job; a good end without its targets is a failure. */
async function endJob(
  context: Context,
  { isMade }: NewsParts,
  task: LaunchedTask,
  end: JobEnd,
  onlyIf: Pick<TaskRun, 'leaseUntil'> = {},
): Promise<void> {
  const planned = await readPlannedTask(context, task)
  const ending = makeJobEnding(end, { stopping: task.launch.stopping, hasKeeper: isMade === undefined })
  const isEmpty = ending.outcome === 'succeeded' && (await isMade?.(planned)) === false
  const message = `its job ended well, but its output is missing: ${planned.outputs.join(', ')}`
  await endLaunchedAttempt(
    context,
    task,
    planned,
    isEmpty ? { outcome: 'failed', failure: { outcome: 'failed', message } } : ending,
    onlyIf,
  )
}

/** Stops the jobs that no running attempt owns; how many. What is kept with a job says which attempt it was launched for. */
export async function sweepUnownedJobs<D>({ ports }: Context, launcher: Launcher<D>): Promise<number> {
  let stopped = 0
  let cursor: string | undefined
  do {
    const page = await launcher.list(cursor)
    const owned = page.jobs.flatMap(({ handle, handover }) => (handover ? [{ handle, handover }] : []))
    const records = await ports.store.read(
      owned.map(({ handover }) => keys.taskRun(handover.run, handover.number)),
    )
    for (const [index, { handle, handover }] of owned.entries()) {
      const task = selectHandedOver(records[index], handover)
      if (task !== undefined && (task.launch.handle ?? handle) === handle) continue
      await launcher.stop(handle, 'no attempt owns it')
      stopped++
    }
    cursor = page.cursor
  } while (cursor !== undefined)
  return stopped
}
