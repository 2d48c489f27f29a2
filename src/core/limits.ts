import { windowAt } from './calendar.ts'
import { type BudgetPeriod, type Holding, keys, type Limit, type Window } from './model.ts'
import { DEFAULT_POOL, type Policy } from './plan.ts'

/** What the config limits. */
export interface Limits {
  pools: { [name: string]: PoolLimit }
  resources: { [name: string]: { limit: number } }
  budgets: { [name: string]: BudgetLimit }
}

/** A pool: how many attempts at once, and how large one may become. */
export interface PoolLimit {
  /** @default no limit of its own */
  concurrency?: number
  /** Up to where an attempt that ran out of memory is given more. @default what the machine has */
  maxMemoryMb?: number
}

/** A quota for each calendar window. */
export interface BudgetLimit {
  limit: number
  per: BudgetPeriod
  timeZone: string
}

/** Nothing is limited. */
export const NO_LIMITS: Limits = { pools: { [DEFAULT_POOL]: {} }, resources: {}, budgets: {} }

/** How much of which limit an attempt needs. */
export interface Need {
  key: string
  of: Limit['of']
  name: string
  weight: number
}

/** What a task needs, in the order in which it waits: what may take longest comes first, so that nothing is held meanwhile. */
export function needsOf(policy: Policy, limits: Limits): Need[] {
  const pool = policy.pool ?? DEFAULT_POOL
  const needs = [
    ...Object.entries(policy.budgets ?? {}).map(([name, weight]) => need('budget', name, weight)),
    ...Object.entries(policy.resources ?? {}).map(([name, weight]) => need('resource', name, weight)),
  ]
  return limits.pools[pool]?.concurrency === undefined ? needs : [...needs, need('pool', pool, 1)]
}

const need = (of: Limit['of'], name: string, weight: number): Need => ({
  key: keys.limit(of, name),
  of,
  name,
  weight,
})

/** What a task asks for that the config does not have or that is more than there is, a sentence each. */
export function limitProblems(policy: Policy, limits: Limits): string[] {
  const pool = policy.pool ?? DEFAULT_POOL
  const problems = limits.pools[pool] === undefined ? [unknown('pool', pool, limits.pools)] : []
  const { maxMemoryMb } = limits.pools[pool] ?? {}
  if (maxMemoryMb !== undefined && (policy.memoryMb ?? 0) > maxMemoryMb)
    problems.push(`memoryMb is ${policy.memoryMb}, but the pool ${pool} gives ${maxMemoryMb} at most`)
  const check = (kind: 'resource' | 'budget', wanted: { [name: string]: number } = {}) => {
    const known = kind === 'resource' ? limits.resources : limits.budgets
    for (const [name, weight] of Object.entries(wanted)) {
      const limit = known[name]?.limit
      if (limit === undefined) problems.push(unknown(kind, name, known))
      else if (weight > limit)
        problems.push(
          `it asks for ${weight} of the ${kind} ${name}, which has ${limit} in all; it would wait for ever`,
        )
    }
  }
  check('resource', policy.resources)
  check('budget', policy.budgets)
  return problems
}

function unknown(kind: string, name: string, known: object): string {
  const names = Object.keys(known)
  return `there is no ${kind} ${name}; ${names.length === 0 ? `the config has no ${kind}s` : `there are: ${names.join(', ')}`}`
}

/** A new row of a limit as the config says it. */
export function newLimit({ of, name }: Pick<Need, 'of' | 'name'>, limits: Limits, now: number): Limit {
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
  const { start, end } = windowAt(per, timeZone, now)
  return { per, timeZone, startsAt: start, endsAt: end, spent: 0 }
}

/** The row with what the config says now; a row whose config has gone keeps what it knew. */
export function configured(row: Limit, limits: Limits, now: number): Limit {
  const known = { pool: limits.pools, resource: limits.resources, budget: limits.budgets }[row.of]
  if (known[row.name] === undefined) return row
  const { limit, window } = newLimit(row, limits, now)
  const isSameWindow = window?.per === row.window?.per && window?.timeZone === row.window?.timeZone
  const kept = isSameWindow ? row.window : window
  return { ...row, limit, ...(kept === undefined ? {} : { window: kept }) }
}

/** The row as it stands at an instant: a window that has ended is a new one, and what was kept too long is free. */
export function at(row: Limit, now: number): Limit {
  const { window } = row
  if (window !== undefined && now >= window.endsAt)
    // A reservation ends with its window.
    return at({ ...row, window: newWindow(window, now), holders: {}, freed: row.freed + 1 }, now)
  const holders = Object.fromEntries(
    Object.entries(row.holders).filter(([, { until }]) => until === undefined || until > now),
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
export const heldOf = ({ holders }: Limit): number =>
  Object.values(holders).reduce((sum, { weight }) => sum + weight, 0)

/** What can still be taken. */
export function freeOf(row: Limit): number {
  return row.limit - (row.window?.spent ?? 0) - heldOf(row)
}

/**
 * Whether a claim has to wait. Freed slots are kept for the first who waits until its weight is there, so nobody may
 * overtake; a budget is used up anyway, so what fits goes on.
 */
export function lacks(row: Limit, holder: string, weight: number): boolean {
  if (row.blockedUntil !== undefined) return true
  if (row.holders[holder] !== undefined) return false
  if (row.of === 'resource' && row.waiting) return true
  return freeOf(row) < weight
}

/** The row with a holder more; a holder that was there is replaced. */
export function withHolder(row: Limit, holder: string, holding: Holding): Limit {
  return due({ ...row, holders: { ...row.holders, [holder]: holding } })
}

/** The row after an attempt gave back what it held; of a budget it may have spent some. */
export function withoutHolder(row: Limit, holder: string, spent: number | undefined): Limit {
  const { [holder]: held, ...holders } = row.holders
  if (held === undefined) return row
  const given = { ...row, holders, freed: row.freed + 1 }
  if (row.window === undefined) return due(given)
  const used = Math.min(held.weight, Math.max(0, spent ?? held.weight))
  return due({ ...given, window: { ...row.window, spent: row.window.spent + used } })
}

/** The row with its next due instant: the end of what is kept for somebody, and the window's turn where somebody waits. */
export function due(row: Limit): Limit {
  const ends = Object.values(row.holders).flatMap(({ until }) => (until === undefined ? [] : [until]))
  if (row.waiting && row.window) ends.push(row.blockedUntil ?? row.window.endsAt)
  const { dueAt: _, ...rest } = row
  return ends.length === 0 ? rest : { ...rest, dueAt: Math.min(...ends) }
}
