import type { Change, Fields, Stored } from '../core/change.ts'
import { hasHolderEnded } from '../core/claim.ts'
import { keys } from '../core/keys.ts'
import type { Lock } from '../core/records/lock-and-limit.ts'
import type { TaskRun } from '../core/records/task-run.ts'
import type { Context } from './context.ts'
import { refreshAwaitedLimits } from './limit-waiters.ts'

/**
 * Whether a person can count a task of an open run as succeeded now: nothing below it may move any more, because a run
 * ends with its root.
 */
export const canMarkSucceeded = ({ status }: TaskRun): boolean => status === 'queued' || status === 'waiting'

/**
 * Ends a task that is queued or waits as succeeded, as a person says, and believes its target from now on; false if it
 * has changed meanwhile.
 */
export async function markTaskSucceeded({ ports }: Context, { run, number }: TaskRun): Promise<boolean> {
  const key = keys.taskRun(run, number)
  const [task] = await ports.store.read([key])
  if (task === undefined || !canMarkSucceeded(task)) return false
  const [lock] = await ports.store.read([keys.lock(task.taskId)])
  const now = ports.clock.now()
  const set: Fields<TaskRun> = {
    status: 'succeeded',
    endedAt: now,
    dueAt: undefined,
    waitsFor: undefined,
    failure: undefined,
  }
  const isFree = lock?.holder === undefined || hasHolderEnded(lock.holder, task)
  const result = await ports.store.write([
    { key, set, if: { version: task.version } },
    ...(isFree ? makeBelievingWrite(lock) : []),
  ])
  if (result.ok) await refreshAwaitedLimits(ports, [task])
  return result.ok
}

/** Believes from now on what is in the targets of these tasks, as a person says; not if an attempt is writing them. */
export async function believeTargets({ ports }: Context, ids: readonly string[]): Promise<void> {
  const locks = await ports.store.read(ids.map(keys.lock))
  for (const lock of locks)
    if (lock?.holder === undefined)
      for (const change of makeBelievingWrite(lock)) await ports.store.write([change])
}

function makeBelievingWrite(lock: Stored<Lock> | undefined): Change[] {
  if (!lock?.unproven) return []
  const { taskId, holder } = lock
  return [{ key: keys.lock(taskId), set: { unproven: undefined }, if: { holder } }]
}
