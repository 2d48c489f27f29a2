import type { Ending } from '../core/ports.ts'
import type { Claimed } from './claim.ts'
import type { Context } from './context.ts'

/** What the next attempt gets after one that ran out of memory: twice as much, up to the largest of its pool. */
export function memoryAfter(
  { settings }: Context,
  { task, memoryMb }: Claimed,
  ending: Ending,
): Pick<Ending, 'moreMemoryMb'> {
  if (ending.outcome !== 'out_of_memory') return {}
  const had = memoryMb ?? settings.defaultMemoryMb
  const largest = settings.limits.pools[task.pool]?.maxMemoryMb ?? settings.largestMemoryMb
  const more = Math.min(had * 2, largest)
  return more > had ? { moreMemoryMb: more } : {}
}
