import type { Change, Fields, Stored } from '../core/change.ts'
import type { NeededLimit } from '../core/claim.ts'
import { type Key, keys } from '../core/keys.ts'
import {
  addLimitHolder,
  computeFreeCapacity,
  computeLimitAt,
  makeLimitRow,
  removeLimitHolder,
  setNextDueInstant,
} from '../core/limit-row.ts'
import { type Limits, listLimitNeeds, type Need } from '../core/limits.ts'
import { type Moment, readClockMoment } from '../core/moment.ts'
import type { PlannedTask } from '../core/plan.ts'
import type { Listed } from '../core/ports/deciding.ts'
import type { Ending, Reservation } from '../core/ports/working.ts'
import type { Limit, WaitItem } from '../core/records/lock-and-limit.ts'
import { formatHolderName, type TaskRun } from '../core/records/task-run.ts'
import { type Context, updateRecord } from './context.ts'

/** A limit that an attempt needs, as it stands now. */
export interface LimitRow extends NeededLimit {
  stored: Stored<Limit> | undefined
}

/**
 * For so long a freed slot or refund is kept for whoever was woken for it, on every clock: its command may have gone, and
 * a host whose clock is ahead must not give it away before.
 */
const KEPT_MS = 15_000
const PAGE = 50

/** What a task needs of limits, in the order in which it waits for them. */
export const listTaskLimitNeeds = ({ settings }: Context, planned: PlannedTask): Need[] =>
  listLimitNeeds(planned.policy, settings.limits)

/** The limits that a task needs, as they stand now. */
export async function readTaskLimits(context: Context, planned: PlannedTask): Promise<LimitRow[]> {
  const needs = listTaskLimitNeeds(context, planned)
  if (needs.length === 0) return []
  return joinLimitRows(context, needs, await context.ports.store.read(needs.map((need) => need.key)))
}

/** Needs with their rows; `records` has one for each need. */
export function joinLimitRows(
  { ports, settings }: Context,
  needs: Need[],
  records: readonly (Stored<Limit> | undefined)[],
): LimitRow[] {
  const moment = readClockMoment(ports.clock)
  return needs.map((need, index) => {
    const stored = records[index]
    return { need, stored, now: computeCurrentRow(stored, need, settings.limits, moment) }
  })
}

/** The row as it stands; one that was never written is as the config says. What it allows is what was applied last. */
export function computeCurrentRow(
  stored: Stored<Limit> | undefined,
  limit: Pick<Need, 'of' | 'name'>,
  limits: Limits,
  moment: Moment,
): Limit {
  return computeLimitAt(
    stored === undefined ? makeLimitRow(limit, limits, moment.now) : withoutVersion(stored),
    moment,
  )
}

function withoutVersion({ version: _, ...row }: Stored<Limit>): Limit {
  return row
}

/** Writes a row on condition that it still is what was read. */
export function makeRowWrite(
  key: Key<'limit'>,
  stored: Stored<Limit> | undefined,
  row: Limit,
): Change<'limit'> {
  return { key, put: row, if: stored === undefined ? 'absent' : { version: stored.version } }
}

/** The rows with the attempt as a holder of each. */
export function takeLimits(rows: readonly LimitRow[], holder: string, moment: Moment): Change[] {
  return rows.map(({ need, stored, now }) =>
    makeRowWrite(need.key, stored, addLimitHolder(now, holder, { weight: need.weight }, moment)),
  )
}

/** The rows where something is kept for the attempt, given back. */
export function giveBackReservations(rows: readonly LimitRow[], holder: string, moment: Moment): Change[] {
  return rows
    .filter(({ now }) => now.holders[holder] !== undefined)
    .map(({ need, stored, now }) => makeRowWrite(need.key, stored, removeLimitHolder(now, holder, 0, moment)))
}

/**
 * What the end of an attempt changes on the limits that it holds; of budgets it keeps what was spent.
 * Rows are found by the task's policy alone, so that a process without the config can end it as well.
 */
export async function settleHeldLimits(
  { ports }: Context,
  task: TaskRun,
  planned: PlannedTask,
  { outcome, spent }: Pick<Ending, 'outcome' | 'spent'>,
): Promise<Change[]> {
  if (!task.holds) return []
  const { pool = task.pool, resources = {}, budgets = {} } = planned.policy
  const wanted = [
    keys.limit('pool', pool),
    ...Object.keys(resources).map((name) => keys.limit('resource', name)),
    ...Object.keys(budgets).map((name) => keys.limit('budget', name)),
  ]
  const records = await ports.store.read(wanted)
  const holder = formatHolderName(task)
  const moment = readClockMoment(ports.clock)
  return records.flatMap((stored) => {
    if (stored?.holders[holder] === undefined) return []
    const row = computeLimitAt(withoutVersion(stored), moment)
    // An attempt that never began has spent nothing.
    const used = outcome === 'not_started' ? 0 : spent?.[row.name]
    return [makeRowWrite(keys.limit(row.of, row.name), stored, removeLimitHolder(row, holder, used, moment))]
  })
}

/**
 * Wakes those who wait for a limit, in order, as far as it reaches; what each needs is kept for it until it is claimed.
 * Slots are kept for the first until its weight is there; of a budget what fits goes on. Whoever comes to wait
 * meanwhile changes the row, which is then looked at once more, so that nobody is missed.
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
    const { waiting: _, ...idle } = withoutVersion(stored)
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
  items: Listed<Key<'wait'>>[],
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

/** The row after one waiter was served; `raced` where the row or the task changed meanwhile. */
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
  const next = addLimitHolder(withoutVersion(row), formatHolderName(task), { weight, until }, moment)
  const woken = await ports.store.write([
    { key: keys.taskRun(run, number), set: AWAKE, if: { version: task.version } },
    { key: itemKey, remove: true },
    makeRowWrite(key, row, next),
  ])
  return woken.ok ? { ...next, version: row.version + 1 } : 'raced'
}

const AWAKE: Fields<TaskRun> = { status: 'queued', waitsFor: undefined, notBefore: undefined }

/** Brings the row through the feed once more, for whoever waits. */
async function requestAnotherLook(ports: Context['ports'], key: Key<'limit'>): Promise<void> {
  const [row] = await ports.store.read([key])
  if (row !== undefined) await updateRecord(ports.store, key, row, ({ freed }) => ({ freed: freed + 1 }))
}

/** Looks at the limits again for which these tasks waited: the next in line may fit where the first did not. */
export async function refreshAwaitedLimits(ports: Context['ports'], tasks: TaskRun[]): Promise<void> {
  const rows = tasks.flatMap(({ waitsFor }) => (isLimitKey(waitsFor) ? [waitsFor] : []))
  for (const key of new Set(rows)) await requestAnotherLook(ports, key)
}

const isLimitKey = (row: string | undefined): row is Key<'limit'> => row?.startsWith(keys.limits) === true

/** Brings a row up to date whose window has turned, or where something was kept for too long. */
export async function refreshLimit({ ports }: Context, stored: Stored<Limit>): Promise<void> {
  const moment = readClockMoment(ports.clock)
  if ((stored.dueAt ?? Number.POSITIVE_INFINITY) > moment.steady) return
  const row = computeLimitAt(withoutVersion(stored), moment)
  const key = keys.limit(row.of, row.name)
  await ports.store.write([
    makeRowWrite(key, stored, setNextDueInstant({ ...row, freed: row.freed + 1 }, moment)),
  ])
}

const MAX_TRIES = 50
const RACE_MS = 20

/** Changes a row on condition of what was read, until it is won; `change` returns undefined to leave it. */
async function updateRow(
  context: Context,
  need: Need,
  change: (row: Limit, moment: Moment) => Limit | undefined,
  guard: Change[] = [],
): Promise<Limit | undefined> {
  const { store, clock, random } = context.ports
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const [stored] = await store.read([need.key])
    const moment = readClockMoment(clock)
    const next = change(computeCurrentRow(stored, need, context.settings.limits, moment), moment)
    if (next === undefined) return undefined
    const result = await store.write([makeRowWrite(need.key, stored, next), ...guard])
    if (result.ok) return next
    if (result.failures.some(({ index }) => index > 0)) return undefined
    await clock.sleep(RACE_MS * Math.min(2 ** tries, 50) * random.number())
  }
  return undefined
}

/** Reserves more of a budget for a running attempt, in the window of now; undefined where too little is left. */
export async function reserveMoreBudget(
  context: Context,
  task: TaskRun,
  nonce: string,
  name: string,
  amount: number,
): Promise<Reservation | undefined> {
  const need: Need = { key: keys.limit('budget', name), of: 'budget', name, weight: amount }
  const holder = formatHolderName(task)
  const row = await updateRow(
    context,
    need,
    (now, moment) => {
      if (now.blockedUntil !== undefined || computeFreeCapacity(now) < amount) return undefined
      const held = now.holders[holder]?.weight ?? 0
      return addLimitHolder(now, holder, { weight: held + amount }, moment)
    },
    [
      {
        key: keys.taskRun(task.run, task.number),
        set: {},
        if: { status: 'running', attempt: task.attempt, nonce },
      },
    ],
  )
  const held = row?.holders[holder]
  return held && row?.window && { amount: held.weight, endsAt: row.window.endsAt }
}

/** Leaves a budget alone until an instant, as whoever it is for has asked. */
export async function blockBudget(context: Context, name: string, until: number): Promise<void> {
  const need: Need = { key: keys.limit('budget', name), of: 'budget', name, weight: 0 }
  await updateRow(context, need, (now, moment) => {
    if ((now.blockedUntil ?? 0) >= until || until <= moment.now) return undefined
    return setNextDueInstant({ ...now, blockedUntil: until }, moment)
  })
}
