import type { Stored } from '../core/change.ts'
import { keys } from '../core/keys.ts'
import type { Ports } from '../core/ports/deciding.ts'
import type { Run } from '../core/records/run.ts'

/** For so long a run that was seen open counts as open; a cancellation reaches running bodies by their heartbeats. */
const KNOWN_MS = 5_000
/** Runs that are remembered at once. */
const KEPT = 100

const known = new WeakMap<Ports, Map<string, { run: Stored<Run>; until: number }>>()

/** The run of a message if work on it may begin; undefined if it is cancelled or over. */
export async function readCachedOpenRun(ports: Ports, id: string): Promise<Stored<Run> | undefined> {
  const runs = known.get(ports) ?? new Map()
  known.set(ports, runs)
  const now = ports.clock.steady()
  const remembered = runs.get(id)
  if (remembered !== undefined && now < remembered.until) return remembered.run
  const [run] = await ports.store.read([keys.run(id)])
  // Only this is remembered: a run that is still being planned may be open the next moment.
  if (run?.status !== 'running' || run.cancelledAt !== undefined) return undefined
  if (runs.size >= KEPT) runs.clear()
  runs.set(id, { run, until: now + KNOWN_MS })
  return run
}
