import pMap from 'p-map'
import type { Change, Fields, Stored } from '../core/change.ts'
import { hasHolderEnded } from '../core/claim.ts'
import { keys } from '../core/keys.ts'
import type { Actor } from '../core/records/actor.ts'
import type { Lock } from '../core/records/lock-and-limit.ts'
import type { TaskRun } from '../core/records/task-run.ts'
import { type Context, writeChangesSingly } from './context.ts'
import { refreshAwaitedLimits } from './limit-waiters.ts'

/**
 * Whether a person can count a task of an open run as succeeded now: nothing below it may move any more, because a run
 * ends with its root.
 */
export const canMarkSucceeded = ({ status }: TaskRun): boolean => status === 'queued' || status === 'waiting'

/** Marks at once that take a lock along: each is a transaction. */
const AT_ONCE = 50

/**
 * Ends those of these tasks that are queued or wait as succeeded, as a person says, and believes their targets from now
 * on. How many it ended: one that has changed meanwhile is left.
 */
export async function markTasksSucceeded(
  { ports }: Context,
  run: string,
  numbers: readonly number[],
  by?: Actor,
): Promise<number> {
  const records = await ports.store.read(numbers.map((number) => keys.taskRun(run, number)))
  const tasks = records.filter((task) => task !== undefined).filter(canMarkSucceeded)
  const locks = await ports.store.read(tasks.map(({ taskId }) => keys.lock(taskId)))
  const now = ports.clock.now()
  const writes = tasks.map((task, index) => {
    const lock = locks[index]
    const isFree = lock?.holder === undefined || hasHolderEnded(lock.holder, task)
    return { mark: makeMark(task, now, by), believe: isFree ? makeBelievingWrite(lock) : [] }
  })
  const plain = writes.filter(({ believe }) => believe.length === 0).map(({ mark }) => mark)
  const believing = writes.filter(({ believe }) => believe.length > 0)
  const results = [
    ...(await writeChangesSingly(ports.store, plain)),
    ...(await pMap(believing, ({ mark, believe }) => ports.store.write([mark, ...believe]), {
      concurrency: AT_ONCE,
    })),
  ]
  if (tasks.length > 0) await refreshAwaitedLimits(ports, tasks)
  return results.filter(({ ok }) => ok).length
}

function makeMark({ run, number, version }: Stored<TaskRun>, now: number, by: Actor | undefined): Change {
  const set: Fields<TaskRun> = {
    status: 'succeeded',
    endedAt: now,
    markedAt: now,
    ...(by === undefined ? {} : { markedBy: by }),
    dueAt: undefined,
    waitsFor: undefined,
    failure: undefined,
  }
  return { key: keys.taskRun(run, number), set, if: { version } }
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
