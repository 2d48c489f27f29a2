import type { Change, Stored } from '../core/change.ts'
import { keys } from '../core/keys.ts'
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
): Promise<{ cancelled: number; left: number }> {
  const records = await ports.store.read(numbers.map((number) => keys.taskRun(run, number)))
  const tasks = records.filter((task) => task !== undefined)
  const wanted = tasks.filter(
    (task) => !hasTaskEnded(task.status) && (isIdle(task) || task.cancelledAt === undefined),
  )
  const now = ports.clock.now()
  const cancelled = await writeCancellations(ports, wanted, now)
  // The engine has yet to put those without a record.
  return { cancelled, left: wanted.length - cancelled + records.length - tasks.length }
}

/** Ends those of these tasks that a person has cancelled and that neither run nor wait for others of the run. */
export async function endCancelledTasks({ ports }: Context, tasks: Stored<TaskRun>[]): Promise<void> {
  const idle = tasks.filter((task) => task.cancelledAt !== undefined && isIdle(task))
  if (idle.length > 0) await writeCancellations(ports, idle, ports.clock.now())
}

async function writeCancellations(
  ports: Context['ports'],
  tasks: Stored<TaskRun>[],
  now: number,
): Promise<number> {
  const results = await writeChangesSingly(
    ports.store,
    tasks.map((task) => makeCancellation(task, now)),
  )
  const idle = tasks.filter(isIdle)
  if (idle.length > 0) await refreshAwaitedLimits(ports, idle)
  return results.filter(({ ok }) => ok).length
}

function makeCancellation(task: Stored<TaskRun>, now: number): Change {
  const { run, number, status, attempt, version, cancelledAt = now } = task
  const key = keys.taskRun(run, number)
  if (!isIdle(task)) return { key, set: { cancelledAt }, if: { status, attempt } }
  const ended = { status: 'cancelled', endedAt: now, dueAt: undefined, waitsFor: undefined } as const
  return { key, set: { cancelledAt, ...ended }, if: { version } }
}
