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
  const start = readInstant(ports)
  const [run] = await ports.store.read([keys.run(id)])
  // Only this is remembered: a run that is still being planned may be open the next moment.
  if (run?.status !== 'running') return undefined
  // Its age counts from before the read: an answer may be as old as its question.
  runs.set(id, run, { start })
  return run
}

/** By the steady clock of the ports. The cache would take an instant of 0 for none. */
const readInstant = ({ clock }: Ports) => clock.steady() + 1

/** Each look reads the clock (`ttlResolution`), because a simulation moves it at will. */
const makeRunCache = (ports: Ports) =>
  new LRUCache<string, Stored<Run>>({
    max: KEPT,
    // An entry of just this age is still taken.
    ttl: KNOWN_MS - 1,
    ttlResolution: 0,
    perf: { now: () => readInstant(ports) },
  })
