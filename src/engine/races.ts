import { computeJitteredBackOffMs } from '../core/back-off.ts'
import type { Ports } from '../core/ports/deciding.ts'

/** Who lost a race for a record reads it again soon; with many on one record each waits longer. */
const RACE = { firstMs: 20, longestMs: 1_000 }

/** Waits before a conditional write is tried again that another process has won; `earlier` is how often it was lost before. */
export function waitAfterLostRace(
  { clock, random }: Pick<Ports, 'clock' | 'random'>,
  earlier: number,
): Promise<void> {
  return clock.sleep(computeJitteredBackOffMs(RACE, earlier, random.number()))
}
