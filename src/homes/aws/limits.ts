import type { Limits } from '../../core/limits.ts'
import type { BundledPrograms } from '../../project/bundled.ts'

/**
 * How many attempts of a pool run at once is up to the event source or the number of containers, which needs no row that
 * every claim writes. Only a pool of one is a row, because an event source begins at two, and a pool with containers of the user's,
 * which run on long after their message was handled.
 */
export function toDeployedLimits(limits: Limits, programs: BundledPrograms): Limits {
  const withPrograms = new Set(Object.values(programs).map(({ pool }) => pool))
  const pools = Object.entries(limits.pools).map(([name, { concurrency, ...pool }]) => [
    name,
    concurrency !== undefined && (concurrency === 1 || withPrograms.has(name))
      ? { ...pool, concurrency }
      : pool,
  ])
  return { ...limits, pools: Object.fromEntries(pools) }
}
