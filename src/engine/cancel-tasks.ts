import type { Change, Stored } from '../core/change.ts'
import { keys } from '../core/keys.ts'
import type { Actor } from '../core/records/actor.ts'
import { hasTaskEnded } from '../core/records/status.ts'
import type { TaskRun } from '../core/records/task-run.ts'
import { type Context, writeChangesSingly } from './context.ts'
import { refreshAwaitedLimits } from './limit-waiters.ts'

/*
 * Cancels single tasks of a run that goes on. What is downstream of them ends as `upstream_failed`, so the run fails.
 *
 * 1. `cancelledAt` on a task run says that a person has cancelled it; it is never unset.
 * 2. A task that is queued or waits ends at once. Below any other, something may still move, and a run ends with its root: such a
 *    task only gets the flag. It ends as cancelled once it is queued or has to wait: `endCancelledTasks`, told by the feed.
 * 3. A body is told to stop by the heartbeat, whose condition is that the flag is absent. Jobs elsewhere are stopped by their looks.
 */

/** Tasks that end at once, because nothing below them moves. */
const isIdle = ({ status }: TaskRun): boolean => status === 'queued' || status === 'waiting'

/** Cancels tasks of one run; how many were cancelled now, and how many could not yet because they changed meanwhile. */
export async function cancelTasks(
  { ports }: Context,
  run: string,
  numbers: readonly number[],
  by?: Actor,
): Promise<{ cancelled: number; left: number }> {
  const records = await ports.store.read(numbers.map((number) => keys.taskRun(run, number)))
  const tasks = records.filter((task) => task !== undefined)
  const wanted = tasks.filter(
    (task) => !hasTaskEnded(task.status) && (isIdle(task) || task.cancelledAt === undefined),
  )
  const cancelled = await writeCancellations(ports, wanted, { now: ports.clock.now(), by })
  // The engine has yet to put those without a record.
  return { cancelled, left: wanted.length - cancelled + records.length - tasks.length }
}

/** Ends those of these tasks that a person has cancelled and that neither run nor wait for others of the run. */
export async function endCancelledTasks({ ports }: Context, tasks: Stored<TaskRun>[]): Promise<void> {
  const idle = tasks.filter((task) => task.cancelledAt !== undefined && isIdle(task))
  if (idle.length > 0) await writeCancellations(ports, idle, { now: ports.clock.now() })
}

/** When, and by whom if it is known. */
interface Cancellation {
  now: number
  by?: Actor | undefined
}

async function writeCancellations(
  ports: Context['ports'],
  tasks: Stored<TaskRun>[],
  act: Cancellation,
): Promise<number> {
  const results = await writeChangesSingly(
    ports.store,
    tasks.map((task) => makeCancellation(task, act)),
  )
  const idle = tasks.filter(isIdle)
  if (idle.length > 0) await refreshAwaitedLimits(ports, idle)
  return results.filter(({ ok }) => ok).length
}

function makeCancellation(task: Stored<TaskRun>, { now, by }: Cancellation): Change {
  const { run, number, status, attempt, version } = task
  // The first one to cancel it stays named.
  const { cancelledAt = now, cancelledBy = by } = task.cancelledAt === undefined ? {} : task
  const cancelled = { cancelledAt, ...(cancelledBy === undefined ? {} : { cancelledBy }) }
  const key = keys.taskRun(run, number)
  if (!isIdle(task)) return { key, set: cancelled, if: { status, attempt } }
  const ended = { status: 'cancelled', endedAt: now, dueAt: undefined, waitsFor: undefined } as const
  return { key, set: { ...cancelled, ...ended }, if: { version } }
}
