import type { Home } from '../../../control/home.ts'
import type { Stored } from '../../../core/change.ts'
import { keys } from '../../../core/keys.ts'
import { sumHeldAmounts } from '../../../core/limit-row.ts'
import { readClockMoment } from '../../../core/moment.ts'
import type { Limit } from '../../../core/records/lock-and-limit.ts'
import { isRunOpen } from '../../../core/records/status.ts'
import { computeCurrentRow } from '../../../engine/limits.ts'

/** How much of each budget's window is spent or reserved, from 0 to 1. */
export async function measureBudgetUse({ context }: Home): Promise<{ [budget: string]: number }> {
  const { ports, settings } = context
  const names = Object.keys(settings.limits.budgets)
  const rows = await ports.store.read(names.map((name) => keys.limit('budget', name)))
  const moment = readClockMoment(ports.clock)
  const useOf = (name: string, stored: Stored<Limit> | undefined) => {
    const current = computeCurrentRow(stored, { of: 'budget', name }, settings.limits, moment)
    return ((current.window?.spent ?? 0) + sumHeldAmounts(current)) / current.limit
  }
  return Object.fromEntries(names.map((name, index) => [name, useOf(name, rows[index])]))
}

/** How often in a row containers of a pool did not start, of the pool with the most. */
export async function measureFailedLaunches({ context }: Home, pools: string[]): Promise<number> {
  const rows = await context.ports.store.read(pools.map(keys.launches))
  return Math.max(0, ...rows.map((row) => row?.failures ?? 0))
}

/** For how many hours the oldest run has been open; 0 if none is. */
export async function measureOldestRunHours({ context }: Home): Promise<number> {
  const { store, clock } = context.ports
  const listed = await store.list({ prefix: keys.run(''), consistency: 'stale' })
  const open = listed.map(({ record }) => record).filter(({ status }) => isRunOpen(status))
  const oldest = open.reduce((first, { createdAt }) => Math.min(first, createdAt), clock.now())
  return (clock.now() - oldest) / 3_600_000
}
