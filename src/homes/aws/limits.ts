import type { Limits } from '../../core/limits.ts'

/**
 * How many attempts of a pool run at once is up to the event source or the number of containers, which needs no row that
 * every claim writes. Only a pool of one is a row: an event source begins at two.
 */
export function toDeployedLimits(limits: Limits): Limits {
  const pools = Object.entries(limits.pools).map(([name, { concurrency, ...pool }]) => [
    name,
    concurrency === 1 ? { ...pool, concurrency } : pool,
  ])
  return { ...limits, pools: Object.fromEntries(pools) }
}
