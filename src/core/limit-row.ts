import { findBudgetWindow } from './calendar.ts'
import { type Key, keys } from './keys.ts'
import type { Limits, Need } from './limits.ts'
import { type Moment, toSteadyInstant } from './moment.ts'
import type { Holding, Limit, Window } from './records/lock-and-limit.ts'
import type { TaskRun } from './records/task-run.ts'

/** A new row of a limit as the config says it. */
export function makeLimitRow({ of, name }: Pick<Need, 'of' | 'name'>, limits: Limits, now: number): Limit {
  const row = { kind: 'limit' as const, of, name, holders: {}, freed: 0 }
  switch (of) {
    case 'pool':
      return { ...row, limit: limits.pools[name]?.concurrency ?? Number.MAX_SAFE_INTEGER }
    case 'resource':
      return { ...row, limit: limits.resources[name]?.limit ?? 0 }
    case 'budget': {
      const budget = limits.budgets[name] ?? { limit: 0, per: 'day', timeZone: 'UTC' }
      return { ...row, limit: budget.limit, window: newWindow(budget, now) }
    }
  }
}

function newWindow({ per, timeZone }: Pick<Window, 'per' | 'timeZone'>, now: number): Window {
  const { start, end } = findBudgetWindow(per, timeZone, now)
  return { per, timeZone, startsAt: start, endsAt: end, spent: 0 }
}

/** The row with what a config says; a row that the config does not name keeps what it knew. */
export function applyLimitConfig(row: Limit, limits: Limits, now: number): Limit {
  const known = { pool: limits.pools, resource: limits.resources, budget: limits.budgets }[row.of]
  if (known[row.name] === undefined) return row
  const { limit, window } = makeLimitRow(row, limits, now)
  const isSameWindow = window?.per === row.window?.per && window?.timeZone === row.window?.timeZone
  const kept = isSameWindow ? row.window : window
  return { ...row, limit, ...(kept === undefined ? {} : { window: kept }) }
}

/** The row as it stands at an instant: a window that has ended is a new one, and what was kept too long is free. */
export function computeLimitAt(row: Limit, moment: Moment): Limit {
  const { window } = row
  const { now, steady } = moment
  if (window !== undefined && now >= window.endsAt)
    // A reservation ends with its window.
    return computeLimitAt(
      { ...row, window: newWindow(window, now), holders: {}, freed: row.freed + 1 },
      moment,
    )
  const holders = Object.fromEntries(
    Object.entries(row.holders).filter(([, { until }]) => until === undefined || until > steady),
  )
  const expired = Object.keys(holders).length < Object.keys(row.holders).length
  const isUnblocked = row.blockedUntil !== undefined && row.blockedUntil <= now
  if (!expired && !isUnblocked) return row
  const { blockedUntil, ...rest } = row
  return {
    ...rest,
    holders,
    freed: row.freed + 1,
    ...(isUnblocked || blockedUntil === undefined ? {} : { blockedUntil }),
  }
}

/** What is held by all. */
export const sumHeldAmounts = ({ holders }: Limit): number =>
  Object.values(holders).reduce((sum, { weight }) => sum + weight, 0)

/** What can still be taken. */
export function computeFreeCapacity(row: Limit): number {
  return row.limit - (row.window?.spent ?? 0) - sumHeldAmounts(row)
}

/** Who claims something of a limit. */
interface Claimer {
  holder: string
  weight: number
  /** Whether it comes before all who wait. */
  isFirst?: boolean | undefined
}

/**
 * Whether a claim has to wait. Freed slots are kept for the first who waits until its weight is there, so only a claim that comes
 * before it in their order may take them; a budget is used up anyway, so what fits goes on.
 */
export function mustWaitForLimit(row: Limit, { holder, weight, isFirst = false }: Claimer): boolean {
  if (row.blockedUntil !== undefined) return true
  if (row.holders[holder] !== undefined) return false
  if (row.of === 'resource' && row.waiting && !isFirst) return true
  return computeFreeCapacity(row) < weight
}

const MAX_PRIORITY = 1_000_000

/** The key of a wait for a limit. Keys sort by priority, then by how long the task has waited; digits sort as text. */
export function makeLimitWaitKey(
  row: Key<'limit'>,
  { run, number, priority, waitingSince }: TaskRun,
  now: number,
): Key<'wait'> {
  const rank = String(MAX_PRIORITY - priority).padStart(7, '0')
  return keys.wait(row, run, number, `${rank}.${String(waitingSince ?? now).padStart(15, '0')}/`)
}

/** The row with a holder more; a holder that was there is replaced. */
export function addLimitHolder(row: Limit, holder: string, holding: Holding, moment: Moment): Limit {
  return setNextDueInstant({ ...row, holders: { ...row.holders, [holder]: holding } }, moment)
}

/** The row after an attempt gave back what it held; of a budget it may have spent some. */
export function removeLimitHolder(
  row: Limit,
  holder: string,
  spent: number | undefined,
  moment: Moment,
): Limit {
  const { [holder]: held, ...holders } = row.holders
  if (held === undefined) return row
  const given = { ...row, holders, freed: row.freed + 1 }
  if (row.window === undefined) return setNextDueInstant(given, moment)
  const used = Math.min(held.weight, Math.max(0, spent ?? held.weight))
  return setNextDueInstant({ ...given, window: { ...row.window, spent: row.window.spent + used } }, moment)
}

/** The row with its next due instant: the end of what is reserved for a waiter, and the window's turn if task runs wait. */
export function setNextDueInstant(row: Limit, moment: Moment): Limit {
  const ends = Object.values(row.holders).flatMap(({ until }) => (until === undefined ? [] : [until]))
  if (row.waiting && row.window) ends.push(toSteadyInstant(row.blockedUntil ?? row.window.endsAt, moment))
  const { dueAt: _, ...rest } = row
  return ends.length === 0 ? rest : { ...rest, dueAt: ends.reduce((first, end) => Math.min(first, end)) }
}
