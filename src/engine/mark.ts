import type { Stored } from '../core/change.ts'
import { hasEnded, keys, type TaskRun } from '../core/model.ts'
import type { Context } from './context.ts'
import { leaveLines } from './limits.ts'

/** Ends a task that is not running as succeeded, as a person says; false where it has changed meanwhile. */
export async function markSucceeded({ ports }: Context, { run, number }: TaskRun): Promise<boolean> {
  const key = keys.taskRun(run, number)
  const [task] = (await ports.store.read([key])) as [Stored<TaskRun>?]
  if (task === undefined || hasEnded(task.status) || task.status === 'running') return false
  const now = ports.clock.now()
  const set = { status: 'succeeded', endedAt: now, dueAt: undefined, waitsFor: undefined, failure: undefined }
  const result = await ports.store.write([{ key, set, if: { version: task.version } }])
  if (result.ok) await leaveLines(ports, [task])
  return result.ok
}
