import type { Change, Stored } from '../core/change.ts'
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
import type { Ending, Reservation } from '../core/ports/working.ts'
import type { Limit } from '../core/records/lock-and-limit.ts'
import { formatHolderName, type TaskRun } from '../core/records/task-run.ts'
import type { Context } from './context.ts'
import { waitAfterLostRace } from './races.ts'

/*
 * Limits: who holds how much of each pool, resource and budget. Owns every write of their rows but those for waiters
 * (limit-waiters.ts) and those that a config makes (apply-limits.ts); what a row becomes is computed by core/limit-row.ts. A claim
 * takes, the end of an attempt settles, a running body reserves more of a budget or blocks it.
 * Invariants:
 * 1. A row is written on condition of the version that was read, in the same transaction as the task run that it is for.
 * 2. A holder is `run/number/attempt`, so a repeated write replaces its own holding and never adds one.
 * 3. The held amounts of a pool or resource, and what is spent and held of a budget in its window, never exceed the limit that
 *    the row had when they were taken.
 * 4. The end of an attempt finds its rows by the policy in the plan, so a process without the config settles them too.
 */

/** A limit that an attempt needs, as it stands now. */
export interface LimitRow extends NeededLimit {
  stored: Stored<Limit> | undefined
}

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
    stored === undefined ? makeLimitRow(limit, limits, moment.now) : removeVersion(stored),
    moment,
  )
}

/** A row without the version that the store has given it. */
export function removeVersion({ version: _, ...row }: Stored<Limit>): Limit {
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

/** The rows if something is kept for the attempt, given back. */
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
    const row = computeLimitAt(removeVersion(stored), moment)
    // An attempt that never began has spent nothing.
    const used = outcome === 'not_started' ? 0 : spent?.[row.name]
    return [makeRowWrite(keys.limit(row.of, row.name), stored, removeLimitHolder(row, holder, used, moment))]
  })
}

const MAX_TRIES = 50

/** Changes a row on condition of what was read, until it is won; `change` returns undefined to leave it. */
async function updateRow(
  context: Context,
  need: Need,
  change: (row: Limit, moment: Moment) => Limit | undefined,
  guard: Change[] = [],
): Promise<Limit | undefined> {
  const { store, clock } = context.ports
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const [stored] = await store.read([need.key])
    const moment = readClockMoment(clock)
    const next = change(computeCurrentRow(stored, need, context.settings.limits, moment), moment)
    if (next === undefined) return undefined
    const result = await store.write([makeRowWrite(need.key, stored, next), ...guard])
    if (result.ok) return next
    if (result.failures.some(({ index }) => index > 0)) return undefined
    await waitAfterLostRace(context.ports, tries)
  }
  return undefined
}

/** Reserves more of a budget for a running attempt, in the window of now; undefined if too little is left. */
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

/** Lets no claim use a budget until an instant, because the outside service has asked for a pause. */
export async function blockBudget(context: Context, name: string, until: number): Promise<void> {
  const need: Need = { key: keys.limit('budget', name), of: 'budget', name, weight: 0 }
  await updateRow(context, need, (now, moment) => {
    if ((now.blockedUntil ?? 0) >= until || until <= moment.now) return undefined
    return setNextDueInstant({ ...now, blockedUntil: until }, moment)
  })
}
