import { resolve } from 'node:path'
import { makeMemoryPlans } from '../../adapters/memory/plans.ts'
import { makeMemoryQueue } from '../../adapters/memory/queue.ts'
import { makeMemoryRecords } from '../../adapters/memory/records.ts'
import { openDatabase } from '../../adapters/sqlite/database.ts'
import { makeSqliteFeed } from '../../adapters/sqlite/feed.ts'
import { makeSqlitePlans } from '../../adapters/sqlite/plans.ts'
import { makeSqliteQueue } from '../../adapters/sqlite/queue.ts'
import { markSimulated, prepareSimulatedState } from '../../adapters/sqlite/simulated-state.ts'
import { makeSqliteStore } from '../../adapters/sqlite/store.ts'
import type { Surroundings } from '../../body/outputs.ts'
import type { Limits } from '../../core/limits.ts'
import type { Clock, Completeness, OutgoingMessage, Ports, Queue } from '../../core/ports/deciding.ts'
import type { Context } from '../../engine/context.ts'

/** An engine on a clock that the simulation moves, and what it has kept. */
export interface VirtualHome {
  context: Context
  /** Instants at which a message comes into sight. */
  wakes: Set<number>
  close(): void
}

/** Where a simulation keeps what it writes. */
interface SimulatedState extends Pick<Ports, 'store' | 'feed' | 'plans' | 'queue'> {
  close(): void
}

const WORKER = 'simulated'

/** Longer than anything that is simulated. */
export const FOREVER_MS = 1_000 * 24 * 60 * 60_000

/** Composes an engine over a virtual clock, with its state in memory or in a folder. */
export function makeVirtualHome(
  now: () => number,
  limits: Limits,
  completeness: Completeness,
  folder?: string,
): VirtualHome {
  const wakes = new Set<number>()
  const clock = { now, steady: now, sleep: async () => {}, listen: () => async () => {} }
  const state = folder === undefined ? makeMemoryState(clock) : openFolderState(folder, clock)
  let nonces = 0
  const ports: Ports = {
    store: state.store,
    feed: state.feed,
    plans: state.plans,
    queue: waking(state.queue, (at) => wakes.add(at), now),
    completeness,
    runner: { run: async () => ({ outcome: 'succeeded' }), extendLease() {}, async close() {} },
    clock,
    random: { nonce: () => `n${++nonces}`, number: () => 0.5 },
    isGone: async () => false,
  }
  const settings = {
    worker: WORKER,
    leaseMs: FOREVER_MS,
    heartbeatMs: FOREVER_MS,
    skewMs: 0,
    auditMs: FOREVER_MS,
    limits,
    defaultMemoryMb: 2_048,
    largestMemoryMb: 65_536,
  }
  return { context: { ports, settings }, wakes, close: state.close }
}

function makeMemoryState(clock: Clock): SimulatedState {
  const { store, feed } = makeMemoryRecords()
  return { store, feed, plans: makeMemoryPlans(), queue: makeMemoryQueue(clock), close() {} }
}

/** A state as that of real runs, which says of itself that it was simulated. */
function openFolderState(folder: string, clock: Clock): SimulatedState {
  const database = openDatabase(prepareSimulatedState(resolve(folder)))
  // At once, so that a simulation that throws or is killed leaves no state that looks real.
  markSimulated(database, clock.now())
  const feed = makeSqliteFeed(database, WORKER, clock, async () => false)
  return {
    store: makeSqliteStore(database, feed),
    feed,
    plans: makeSqlitePlans(database),
    queue: makeSqliteQueue(database, WORKER, clock),
    close() {
      markSimulated(database, clock.now())
      database.close()
    },
  }
}

/** A storage without anything in it: only names are needed. */
export const NOWHERE: Surroundings = {
  storage: {
    uri: (path) => `simulated:${path}`,
    existMany: async (paths) => paths.map(() => false),
    list: async () => [],
    read: () => {
      throw new Error('bodies are not run in a simulation')
    },
    stage: async () => {
      throw new Error('bodies are not run in a simulation')
    },
    removeStaged: async () => {},
  },
  markers: { read: async (ids) => ids.map(() => undefined) },
}

function waking(queue: Queue, wake: (at: number) => void, now: () => number): Queue {
  const send = async (messages: OutgoingMessage[]) => {
    for (const { delayMs } of messages) if (delayMs > 0) wake(now() + delayMs)
    await queue.send(messages)
  }
  const putBack: Queue['putBack'] = async (delivery, delayMs) => {
    wake(now() + delayMs)
    await queue.putBack(delivery, delayMs)
  }
  return { ...queue, send, putBack }
}
