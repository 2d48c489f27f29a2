import { makeMemoryPlans } from '../../src/adapters/memory/plans.ts'
import { makeMemoryQueue } from '../../src/adapters/memory/queue.ts'
import { makeMemoryRecords } from '../../src/adapters/memory/records.ts'
import type { Stored } from '../../src/core/change.ts'
import { type FeedEvent, makeTypedStore } from '../../src/core/ports/deciding.ts'
import type { Scheduler } from './scheduler.ts'
import type { Entry, State } from './state.ts'

/** How long a host follows the feed without asking again. */
const FOLLOWED_MS = 5_000

/**
 * A state on the memory adapters, as faulty as a store in the cloud may be: lists are stale, changes are told again long
 * after they were acknowledged, in half of the worlds to several followers at once.
 */
export function memoryState(scheduler: Scheduler): State {
  const { random } = scheduler
  const memory = makeMemoryRecords()
  const plans = makeMemoryPlans()
  const queue = makeMemoryQueue({ steady: () => scheduler.now })
  const repeatsOld = random() < 0.5
  const hasOneFollower = random() < 0.5
  let follower = { by: '', until: 0 }
  let stale: ReadonlyMap<string, Stored> = new Map()
  const delivered: FeedEvent[] = []

  function listStale(isWanted: (key: string, record: Stored) => boolean): Entry[] {
    const view = random() < 0.5 ? stale : memory.records
    const found: Entry[] = []
    for (const [key, record] of view) if (isWanted(key, record)) found.push({ key, record })
    return found
  }

  /** Whether a host may take events: in half of the worlds one at a time follows the feed, as long as it lives and asks. */
  function follows(host: string): boolean {
    if (!hasOneFollower) return true
    const { now, dead } = scheduler
    if (follower.by !== host && !dead.has(follower.by) && follower.until > now) return false
    follower = { by: host, until: now + FOLLOWED_MS }
    return true
  }

  /** A few events, with or without images, and now and then an old one again. */
  async function takeEvents(limit: number): Promise<FeedEvent[]> {
    const events = await memory.feed.take(Math.min(limit, 1 + Math.floor(random() * 5)))
    const old = delivered[Math.floor(random() * delivered.length)]
    delivered.push(...events)
    // When nothing happens any more nothing is told again either: it would mend what was lost.
    const isAgain = repeatsOld && events.length > 0 && random() < 0.1
    const again = old !== undefined && isAgain ? [old] : []
    return [...again, ...(random() < 0.5 ? events : events.map(({ image: _, ...event }) => event))]
  }

  return {
    records: memory.records,
    isOneMachine: false,
    connect: (host, _clock, onWrite) => ({
      store: makeTypedStore({
        ...memory.store,
        readStale: async (wanted) => {
          const view = random() < 0.5 ? stale : memory.records
          return wanted.map((key) => view.get(key))
        },
        async write(changes) {
          const before = changes.map(({ key }) => memory.records.get(key))
          const result = await memory.store.write(changes)
          onWrite(host, changes, before, result)
          return result
        },
        list: async (query) =>
          query.consistency === 'strong'
            ? memory.store.list(query)
            : listStale((key) => key.startsWith(query.prefix)),
        due: async ({ before }) =>
          listStale((_, record) => 'dueAt' in record && (record.dueAt ?? 0) <= before),
      }),
      feed: { ...memory.feed, take: async (limit) => (follows(host) ? takeEvents(limit) : []) },
      queue,
      plans,
    }),
    afterStep() {
      if (random() < 0.03) stale = new Map(memory.records)
    },
    async close() {},
  }
}
