import type { Stored } from '../core/change.ts'
import { parseFamilyOfTask } from '../core/identity.ts'
import { type Key, keys } from '../core/keys.ts'
import { type FeedEvent, MAX_DELAY_MS } from '../core/ports/deciding.ts'
import type { Run } from '../core/records/run.ts'
import { hasTaskEnded } from '../core/records/status.ts'
import type { TaskRun } from '../core/records/task-run.ts'
import { sweepCancelledRun } from './cancel.ts'
import { endCancelledTasks } from './cancel-tasks.ts'
import { type Context, writeChangesSingly } from './context.ts'
import { expandTaskRun } from './expand.ts'
import { serveLimitWaiters } from './limit-waiters.ts'
import { freeEndedLocks, wakeLockWaiters } from './locks.ts'
import { releaseNextTasks } from './release.ts'
import { resolveDependents } from './resolve.ts'
import { decideForRecords } from './undecidable.ts'

const BATCH = 500

/**
 * Handles the next events of the change feed and acknowledges them; returns how many there were.
 * This is the only sender of messages and the only resolver. Every step is idempotent and acts on the records
 * that stand, so a crash before the acknowledgement loses and doubles nothing.
 */
export async function advanceFeed(context: Context): Promise<number> {
  const events = await context.ports.feed.take(BATCH)
  if (events.length === 0) return 0
  await handleEvents(context, events)
  await context.ports.feed.acknowledge(events)
  return events.length
}

/** Handles events that the caller has taken and acknowledges. */
export async function handleEvents(context: Context, events: FeedEvent[]): Promise<void> {
  await handleRecordsTogether(context, await readEventRecords(context, events))
}

/** The records that changed, read again but for images that say all that will ever be needed of them. */
async function readEventRecords({ ports }: Context, events: FeedEvent[]): Promise<Stored[]> {
  const images = events.flatMap(({ image }) => (image !== undefined && isLastingImage(image) ? [image] : []))
  const others = events.filter(({ image }) => image === undefined || !isLastingImage(image))
  return [...images, ...(await readAll(ports, [...new Set(others.map(({ key }) => key))]))]
}

/**
 * A task that has ended stays so, and a message for an attempt that is over is dropped by its claim. What else an old
 * image says may be wrong by now.
 */
const isLastingImage = (image: Stored) =>
  image.kind === 'taskRun' &&
  (hasTaskEnded(image.status) || (image.status === 'queued' && image.attempt === 1))

const readAll = async ({ store }: Context['ports'], changed: Key[]) =>
  changed.length === 0 ? [] : (await store.read(changed)).filter((each) => each !== undefined)

/** Does what the records behind these keys ask for. */
export async function handleChangedRecords(context: Context, changed: Key[]): Promise<void> {
  await handleRecordsTogether(context, await readAll(context.ports, changed))
}

/** Does what these records ask for; a run about which that cannot be decided ends, and holds up no other. */
export const handleRecordsTogether = (context: Context, records: Stored[]): Promise<void> =>
  decideForRecords(context, records, (some) => handleRecords(context, some))

/** Derives from these records what is owed: messages, bits, frees, wake-ups, releases, ends. */
async function handleRecords(context: Context, records: Stored[]): Promise<void> {
  const tasks = records.filter((each) => each.kind === 'taskRun')
  await Promise.all([
    sendQueued(context, tasks),
    resolveDependents(context, tasks.filter(isOwedToDependents)),
    freeEndedLocks(context, tasks),
    endCancelledTasks(context, tasks),
  ])
  for (const task of tasks) if (task.expansion !== undefined) await expandTaskRun(context, task)
  for (const record of records) {
    if (record.kind === 'lock') await wakeLockWaiters(context, record)
    if (record.kind === 'limit') await serveLimitWaiters(context, record)
    if (record.kind === 'run') await handleRun(context, record)
  }
}

/** The sweep of a cancelled run ends all of its tasks, so that nothing is owed to dependents of those. */
const isOwedToDependents = ({ status, cancelledAt }: TaskRun) =>
  hasTaskEnded(status) && (status !== 'cancelled' || cancelledAt !== undefined)

async function handleRun(context: Context, run: Stored<Run>): Promise<void> {
  if (run.status !== 'running') return
  if (run.cancelledAt === undefined) await releaseNextTasks(context, run)
  // A sweep that waits for bodies to stop goes on when it is due.
  else if ((run.dueAt ?? 0) <= context.ports.clock.steady()) await sweepCancelledRun(context, run)
}

/** Sends a message for each queued task; one that may only start in more than 15 minutes is left to the tick. */
async function sendQueued({ ports }: Context, tasks: Stored<TaskRun>[]): Promise<void> {
  const now = ports.clock.steady()
  const queued = tasks.filter(
    ({ status, dueAt, cancelledAt }) =>
      status === 'queued' && dueAt === undefined && cancelledAt === undefined,
  )
  const delayOf = (task: TaskRun) => Math.max(0, (task.notBefore ?? 0) - now)
  const soon = queued.filter((task) => delayOf(task) <= MAX_DELAY_MS)
  const late = queued.filter((task) => delayOf(task) > MAX_DELAY_MS)
  if (soon.length > 0)
    await ports.queue.send(
      soon.map((task) => ({
        message: { run: task.run, number: task.number, attempt: task.attempt },
        delayMs: delayOf(task),
        pool: task.pool,
        priority: task.priority,
        family: parseFamilyOfTask(task.taskId),
      })),
    )
  await writeChangesSingly(
    ports.store,
    late.map((task) => ({
      key: keys.taskRun(task.run, task.number),
      set: { dueAt: task.notBefore },
      if: { version: task.version },
    })),
  )
}
