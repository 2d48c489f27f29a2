import { type Key, keys } from './keys.ts'
import { DEFAULT_POOL, type Policy } from './plan.ts'
import type { BudgetPeriod, Limit } from './records/lock-and-limit.ts'

/** What the config limits. */
export interface Limits {
  pools: { [name: string]: PoolLimit }
  resources: { [name: string]: { limit: number } }
  budgets: { [name: string]: BudgetLimit }
  /** @default PLAN_BOUNDS */
  plans?: PlanBounds
  /** Size of one attempt's log on one machine. @default LOG_MAX_MB */
  maxLogMb?: number
}

/** A body that prints endlessly would fill the disk; so much is more than people read, and less than disks have. */
export const LOG_MAX_MB = 1024

/** Up to where planning goes, because `requires` may lead on for ever. */
export interface PlanBounds {
  maxTasks: number
  /** Tasks one below the other. */
  maxDepth: number
}

/**
 * So many tasks take about 3 GB while they are planned; a chain in which each quarter of an hour requires the one before is
 * so deep after more than five years.
 */
export const PLAN_BOUNDS: PlanBounds = { maxTasks: 2_000_000, maxDepth: 200_000 }
/** For plans whose tasks are all known beforehand. */
export const NO_PLAN_BOUNDS: PlanBounds = {
  maxTasks: Number.POSITIVE_INFINITY,
  maxDepth: Number.POSITIVE_INFINITY,
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
  key: Key<'limit'>
  of: Limit['of']
  name: string
  weight: number
}

/** What a task needs, in the order in which it waits: what may take longest comes first, so that nothing is held meanwhile. */
export function listLimitNeeds(policy: Policy, limits: Limits): Need[] {
  const pool = policy.pool ?? DEFAULT_POOL
  const isPoolLimited = limits.pools[pool]?.concurrency !== undefined
  // As nearly always.
  if (!isPoolLimited && policy.budgets === undefined && policy.resources === undefined) return []
  const needs = [
    ...Object.entries(policy.budgets ?? {}).map(([name, weight]) => need('budget', name, weight)),
    ...Object.entries(policy.resources ?? {}).map(([name, weight]) => need('resource', name, weight)),
  ]
  return isPoolLimited ? [...needs, need('pool', pool, 1)] : needs
}

const need = (of: Limit['of'], name: string, weight: number): Need => ({
  key: keys.limit(of, name),
  of,
  name,
  weight,
})

/** What a task asks for that the config does not have or that is more than there is, a sentence each. */
export function findLimitProblems(policy: Policy, limits: Limits): string[] {
  const pool = policy.pool ?? DEFAULT_POOL
  const problems = limits.pools[pool] === undefined ? [describeUnknownName('pool', pool, limits.pools)] : []
  const { maxMemoryMb } = limits.pools[pool] ?? {}
  if (maxMemoryMb !== undefined && (policy.memoryMb ?? 0) > maxMemoryMb)
    problems.push(`memoryMb is ${policy.memoryMb}, but the pool ${pool} gives ${maxMemoryMb} at most`)
  const check = (kind: 'resource' | 'budget', wanted: { [name: string]: number } = {}) => {
    const known = kind === 'resource' ? limits.resources : limits.budgets
    for (const [name, weight] of Object.entries(wanted)) {
      const limit = known[name]?.limit
      if (limit === undefined) problems.push(describeUnknownName(kind, name, known))
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

function describeUnknownName(kind: string, name: string, known: object): string {
  const names = Object.keys(known)
  return `there is no ${kind} ${name}; ${names.length === 0 ? `the config has no ${kind}s` : `there are: ${names.join(', ')}`}`
}
