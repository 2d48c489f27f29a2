import { keys } from '../core/keys.ts'
import { applyLimitConfig, computeFreeCapacity, sumHeldAmounts } from '../core/limit-row.ts'
import type { Limits } from '../core/limits.ts'
import { readClockMoment } from '../core/moment.ts'
import type { Limit } from '../core/records/lock-and-limit.ts'
import type { TaskStatus } from '../core/records/status.ts'
import { differsFromConfig } from '../engine/apply-limits.ts'
import { computeCurrentRow } from '../engine/limits.ts'
import type { BudgetShape, Pools } from './control.ts'
import type { Home } from './home.ts'
import { listOpenTasks } from './open-tasks.ts'

/** What is spent and left of every budget, and until when. */
export async function readBudgets(limits: Limits, home: Home): Promise<BudgetShape[]> {
  const names = Object.keys(limits.budgets)
  const rows = await Promise.all(names.map((name) => readLimitRow(home, limits, 'budget', name)))
  return rows.map(({ row, waiting, configured }) => ({
    budget: row.name,
    limit: row.limit,
    per: row.window?.per,
    timeZone: row.window?.timeZone,
    spent: row.window?.spent ?? 0,
    reserved: sumHeldAmounts(row),
    left: Math.max(0, computeFreeCapacity(row)),
    windowEndsAt: row.window?.endsAt ?? null,
    blockedUntil: row.blockedUntil ?? null,
    waiting,
    ...(configured && { configured: { limit: configured.limit, per: configured.window?.per } }),
  }))
}

/** Every pool and resource: its size, what runs in it and what waits for it. */
export async function readPools(limits: Limits, home: Home): Promise<Pools> {
  const tasks = await listOpenTasks(home)
  const pools = Object.entries(limits.pools).map(([name, { concurrency, maxMemoryMb }]) => {
    const inPool = tasks.filter(({ pool }) => pool === name)
    const count = (status: TaskStatus) => inPool.filter((task) => task.status === status).length
    return {
      pool: name,
      concurrency: concurrency ?? null,
      maxMemoryMb: maxMemoryMb ?? null,
      running: count('running'),
      queued: count('queued'),
      waiting: count('waiting'),
    }
  })
  const resources = await Promise.all(
    Object.keys(limits.resources).map(async (name) => {
      const { row, waiting, configured } = await readLimitRow(home, limits, 'resource', name)
      const later = configured && { configured: { limit: configured.limit } }
      return { resource: name, limit: row.limit, held: sumHeldAmounts(row), waiting, ...later }
    }),
  )
  return { pools, resources }
}

async function readLimitRow({ context }: Home, limits: Limits, of: Limit['of'], name: string) {
  const { store, clock } = context.ports
  const key = keys.limit(of, name)
  const [stored] = await store.read([key])
  const moment = readClockMoment(clock)
  const row = computeCurrentRow(stored, { of, name }, limits, moment)
  const items = await store.list({ prefix: keys.waits(key), consistency: 'stale' })
  const later = differsFromConfig(row, limits, moment.now)
    ? applyLimitConfig(row, limits, moment.now)
    : undefined
  return { row, waiting: items.length, configured: later }
}
