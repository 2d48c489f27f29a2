import { type Change, type Fields, findStandingRecord, type Stored } from '../core/change.ts'
import { hasHolderEnded } from '../core/claim.ts'
import { keys } from '../core/keys.ts'
import type { Lock } from '../core/records/lock-and-limit.ts'
import { hasTaskEnded } from '../core/records/status.ts'
import { formatHolderName, type TaskRun } from '../core/records/task-run.ts'
import { usesUpRetryPolicy } from '../core/retry.ts'
import { type Context, writeChangesSingly } from './context.ts'

/** Frees the locks of attempts that are over; a lock with waiters comes back through the feed. */
export async function freeEndedLocks({ ports }: Context, tasks: Stored<TaskRun>[]): Promise<void> {
  const started = tasks.filter((task) => task.startedAt !== undefined && task.status !== 'running')
  const now = ports.clock.steady()
  // The attempt that has just ended holds it nearly always, so that nothing need be read first.
  const results = await writeChangesSingly(
    ports.store,
    started.map((task) => makeLockFreeing(task, findEndedAttempt(task), now)),
  )
  const others = results.flatMap((result, index): Change[] => {
    if (result.ok) return []
    const lock = findStandingRecord(result, 'lock')
    const task = started[index]
    if (lock === undefined || task === undefined) return []
    if (lock.holder === undefined) return makeBackoffRemoval(task, lock)
    return hasHolderEnded(lock.holder, task) ? [makeLockFreeing(task, lock.holder, now)] : []
  })
  if (others.length > 0) await writeChangesSingly(ports.store, others)
}

const makeLockFreeing = (task: TaskRun, holder: string, now: number): Change => ({
  key: keys.lock(task.taskId),
  set: makeFreedFields(task, now),
  if: { holder },
})

/** The name of the attempt that ended last, as the lock knows it. */
const findEndedAttempt = (task: TaskRun) =>
  formatHolderName(hasTaskEnded(task.status) ? task : { ...task, attempt: task.attempt - 1 })

/** A cancelled task takes its back-off along; no run would try again at its end. */
function makeBackoffRemoval(task: TaskRun, { backoffUntil }: Lock): Change[] {
  if (task.status !== 'cancelled' || backoffUntil === undefined || backoffUntil !== task.notBefore) return []
  const key = keys.lock(task.taskId)
  return [{ key, set: { backoffUntil: undefined }, if: { holder: undefined, backoffUntil } }]
}

/** What the end of an attempt leaves on its lock; the back-off of a counted failure holds for every run. */
function makeFreedFields(task: TaskRun, now: number): Fields<Lock> {
  const free = { holder: undefined, failure: undefined, backoffUntil: undefined, lastEndAt: now }
  if (task.status === 'succeeded') return { ...free, unproven: undefined }
  if (task.status === 'failed') return { ...free, failure: task.failure }
  const backsOff = task.status === 'queued' && usesUpRetryPolicy(task.failure?.outcome)
  return backsOff ? { ...free, backoffUntil: task.notBefore } : free
}

/**
 * Wakes all who wait for a freed lock: after a success they find the target, after a final failure they adopt it,
 * otherwise the first to claim goes on and the others wait again. Few runs share one task at a time.
 */
export async function wakeLockWaiters({ ports }: Context, lock: Stored<Lock>): Promise<void> {
  if (lock.holder !== undefined || !lock.waiting) return
  const row = keys.lock(lock.taskId)
  const items = await ports.store.list({ prefix: keys.waits(row), consistency: 'strong' })
  const now = ports.clock.now()
  await Promise.all(
    items.map(async ({ key, record }) => {
      const { run, number, nonce } = record
      const woken = await ports.store.write([
        {
          key: keys.taskRun(run, number),
          set: makeAwakeFields(lock, now),
          if: { status: 'waiting', waitsFor: row },
        },
        { key, remove: true },
      ])
      // It waits no more, or again by now: then its new wait item has to stay.
      if (!woken.ok) await ports.store.write([{ key, remove: true, if: { nonce } }])
    }),
  )
  await ports.store.write([
    { key: row, set: { waiting: undefined }, if: { holder: undefined, version: lock.version } },
  ])
}

/** How a waiter goes on. */
function makeAwakeFields(lock: Lock, now: number): Fields<TaskRun> {
  const woken = { waitsFor: undefined, waitingSince: undefined }
  if (lock.failure === undefined) return { ...woken, status: 'queued', notBefore: lock.backoffUntil }
  const message = `the same task failed in another run: ${lock.failure.message}`
  return { ...woken, status: 'failed', endedAt: now, failure: { outcome: 'adopted', message } }
}
