import type { Fields, Stored } from '../core/change.ts'
import { type Key, keys } from '../core/keys.ts'
import { addLimitHolder, computeFreeCapacity, computeLimitAt, setNextDueInstant } from '../core/limit-row.ts'
import { readClockMoment } from '../core/moment.ts'
import type { ListedRecord } from '../core/ports/deciding.ts'
import type { Limit, WaitItem } from '../core/records/lock-and-limit.ts'
import { formatHolderName, type TaskRun } from '../core/records/task-run.ts'
import { type Context, updateRecord } from './context.ts'
import { makeRowWrite, removeVersion } from './limits.ts'

/*
 * Waiters of limits: which task runs go on when something of a limit comes free. Owns the wait items of limits, and what is
 * reserved for a waiter that was woken. The feed tells it each change of a row (`serveLimitWaiters`); the tick tells it when a
 * reservation or a window has ended (`refreshLimit`).
 * Invariants:
 * 1. Waiters are served by priority, then by how long they have waited.
 * 2. What a woken waiter needs is reserved for it in the write that wakes it, for KEPT_MS, so no later claim overtakes it.
 *    What it needs of other limits it takes if it comes before all who wait for them, and queues there otherwise.
 * 3. A waiter that comes while the row is served changes the row, so the row comes through the feed once more: none is missed.
 * 4. The flag `waiting` is removed only on condition that the row is still the one whose empty list of waiters was read.
 */

/**
 * How long a freed slot or refund stays reserved for the waiter that was woken, on every clock: a host whose clock is ahead
 * must not give it away before. If the waiter's process is gone, the next waiter is served.
 */
const KEPT_MS = 15_000

const PAGE = 50

/**
 * Wakes those who wait for a limit, in order, as far as it reaches; what each needs is kept for it until it is claimed.
 * Slots are kept for the first until its weight is there; of a budget what fits goes on. A task that
 * begins to wait meanwhile changes the row, which is then looked at once more.
 */
export async function serveLimitWaiters(context: Context, stored: Stored<Limit>): Promise<void> {
  if (!stored.waiting || stored.blockedUntil !== undefined) return
  const { ports } = context
  const key = keys.limit(stored.of, stored.name)
  const items = await ports.store.list({
    prefix: keys.waits(key),
    limit: context.settings.page ?? PAGE,
    consistency: 'strong',
  })
  if (items.length === 0) {
    const { waiting: _, ...idle } = removeVersion(stored)
    const cleared = await ports.store.write([
      makeRowWrite(key, stored, setNextDueInstant(idle, readClockMoment(ports.clock))),
    ])
    return cleared.ok ? undefined : requestAnotherLook(ports, key)
  }
  if (await serveWaiterPage(context, stored, items)) await requestAnotherLook(ports, key)
}

/** Serves a page of waiters; whether the row has to be looked at once more. */
async function serveWaiterPage(
  context: Context,
  stored: Stored<Limit>,
  items: ListedRecord<Key<'wait'>>[],
): Promise<boolean> {
  let row = stored
  let left = 0
  for (const { key, record } of items) {
    const served = await serveWaiter(context, row, key, record)
    if (served === 'raced') return true
    if (served === 'too little' && row.of === 'resource') return false
    if (served === 'too little') left++
    else row = served
  }
  return left === 0 || (items.length >= (context.settings.page ?? PAGE) && row.version > stored.version)
}

/** The row after one waiter was served; `raced` if the row or the task changed meanwhile. */
async function serveWaiter(
  { ports, settings }: Context,
  row: Stored<Limit>,
  itemKey: Key<'wait'>,
  item: Stored<WaitItem>,
): Promise<Stored<Limit> | 'too little' | 'raced'> {
  const { run, number, nonce, weight = 1 } = item
  const key = keys.limit(row.of, row.name)
  const [task] = await ports.store.read([keys.taskRun(run, number)])
  if (task?.status !== 'waiting' || task.waitsFor !== key) {
    await ports.store.write([{ key: itemKey, remove: true, if: { nonce } }])
    return row
  }
  if (weight > computeFreeCapacity(row)) return 'too little'
  const moment = readClockMoment(ports.clock)
  const until = moment.steady + KEPT_MS + settings.skewMs
  const next = addLimitHolder(removeVersion(row), formatHolderName(task), { weight, until }, moment)
  const woken = await ports.store.write([
    { key: keys.taskRun(run, number), set: AWAKE, if: { version: task.version } },
    { key: itemKey, remove: true },
    makeRowWrite(key, row, next),
  ])
  return woken.ok ? { ...next, version: row.version + 1 } : 'raced'
}

const AWAKE: Fields<TaskRun> = { status: 'queued', waitsFor: undefined, notBefore: undefined }

/** Changes the row so that it comes through the feed once more, and its waiters are served. */
async function requestAnotherLook(ports: Context['ports'], key: Key<'limit'>): Promise<void> {
  const [row] = await ports.store.read([key])
  if (row !== undefined) await updateRecord(ports.store, key, row, ({ freed }) => ({ freed: freed + 1 }))
}

/** Looks at the limits again for which these tasks waited: the next in line may fit if the first did not. */
export async function refreshAwaitedLimits(ports: Context['ports'], tasks: TaskRun[]): Promise<void> {
  const rows = tasks.flatMap(({ waitsFor }) => (isLimitKey(waitsFor) ? [waitsFor] : []))
  for (const key of new Set(rows)) await requestAnotherLook(ports, key)
}

const isLimitKey = (row: string | undefined): row is Key<'limit'> => row?.startsWith(keys.limits) === true

/** Brings a row up to date whose window has turned, or if something was kept for too long. */
export async function refreshLimit({ ports }: Context, stored: Stored<Limit>): Promise<void> {
  const moment = readClockMoment(ports.clock)
  if ((stored.dueAt ?? Number.POSITIVE_INFINITY) > moment.steady) return
  const row = computeLimitAt(removeVersion(stored), moment)
  const key = keys.limit(row.of, row.name)
  await ports.store.write([
    makeRowWrite(key, stored, setNextDueInstant({ ...row, freed: row.freed + 1 }, moment)),
  ])
}
