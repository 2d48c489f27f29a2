import { LRUCache } from 'lru-cache'
import type { Stored } from '../core/change.ts'
import { keys } from '../core/keys.ts'
import type { Ports } from '../core/ports/deciding.ts'
import type { Run } from '../core/records/run.ts'

/** For so long a run that was seen open counts as open; a cancellation reaches running bodies by their heartbeats. */
const KNOWN_MS = 5_000
/** Runs that are remembered at once. */
const KEPT = 100

const caches = new WeakMap<Ports, LRUCache<string, Stored<Run>>>()

/** The run of a message if it is planned and not over. Whether it is being cancelled is decided with everything else (`decideClaim`). */
export async function readCachedOpenRun(ports: Ports, id: string): Promise<Stored<Run> | undefined> {
  const runs = caches.get(ports) ?? makeRunCache(ports)
  caches.set(ports, runs)
  const remembered = runs.get(id)
  if (remembered !== undefined) return remembered
  const [run] = await ports.store.read([keys.run(id)])
  // Only this is remembered: a run that is still being planned may be open the next moment.
  if (run?.status !== 'running') return undefined
  runs.set(id, run)
  return run
}

/** Ages are measured by the steady clock of the ports. Each look reads it (`ttlResolution`), as a simulation moves it at will. */
const makeRunCache = ({ clock }: Ports) =>
  new LRUCache<string, Stored<Run>>({
    max: KEPT,
    ttl: KNOWN_MS,
    ttlResolution: 0,
    // An instant of 0 would mean that the entry has no end.
    perf: { now: () => clock.steady() + 1 },
  })
