import { keys } from '../core/keys.ts'
import { computeFreeCapacity, computeLimitAt } from '../core/limit-row.ts'
import { readClockMoment } from '../core/moment.ts'
import { DEFAULT_POOL } from '../core/plan.ts'
import type { Context } from './context.ts'

/**
 * How many more attempts each pool has capacity for, over all workers. `turn` moves on which pool comes first, so that
 * none takes all the places of a worker.
 */
export async function computePoolCapacities(
  { ports, settings }: Context,
  turn: number,
): Promise<{ [name: string]: number }> {
  const { pools } = settings.limits
  const limited = Object.entries(pools).filter(([, { concurrency }]) => concurrency !== undefined)
  const rows = await ports.store.read(limited.map(([name]) => keys.limit('pool', name)))
  const names = [...new Set([DEFAULT_POOL, ...Object.keys(pools)])]
  const first = turn % names.length
  const room: { [name: string]: number } = {}
  for (const name of [...names.slice(first), ...names.slice(0, first)]) room[name] = Number.POSITIVE_INFINITY
  const moment = readClockMoment(ports.clock)
  limited.forEach(([name, { concurrency = 0 }], index) => {
    const row = rows[index]
    room[name] = row === undefined ? concurrency : computeFreeCapacity(computeLimitAt(row, moment))
  })
  return room
}
