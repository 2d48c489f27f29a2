import { makeMemoryPlans } from '../../adapters/memory/plans.ts'
import { makeMemoryQueue } from '../../adapters/memory/queue.ts'
import { type MemoryRecords, makeMemoryRecords } from '../../adapters/memory/records.ts'
import type { Surroundings } from '../../body/outputs.ts'
import type { Limits } from '../../core/limits.ts'
import type { Completeness, OutgoingMessage, Ports, Queue } from '../../core/ports/deciding.ts'
import type { Context } from '../../engine/context.ts'

/** An engine on a clock that the simulation moves, and what it has kept. */
export interface VirtualHome {
  context: Context
  memory: MemoryRecords
  /** Instants at which a message comes into sight. */
  wakes: Set<number>
}

/** Longer than anything that is simulated. */
export const FOREVER_MS = 1_000 * 24 * 60 * 60_000

/** Composes the memory adapters over a virtual clock. */
export function makeVirtualHome(now: () => number, limits: Limits, completeness: Completeness): VirtualHome {
  const memory = makeMemoryRecords()
  const wakes = new Set<number>()
  const clock = { now, steady: now, sleep: async () => {}, listen: () => async () => {} }
  let nonces = 0
  const ports: Ports = {
    store: memory.store,
    feed: memory.feed,
    plans: makeMemoryPlans(),
    queue: waking(makeMemoryQueue(clock), (at) => wakes.add(at), now),
    completeness,
    runner: { run: async () => ({ outcome: 'succeeded' }), extendLease() {}, async close() {} },
    clock,
    random: { nonce: () => `n${++nonces}`, number: () => 0.5 },
    isGone: async () => false,
  }
  const settings = {
    worker: 'simulated',
    leaseMs: FOREVER_MS,
    heartbeatMs: FOREVER_MS,
    skewMs: 0,
    auditMs: FOREVER_MS,
    limits,
    defaultMemoryMb: 2_048,
    largestMemoryMb: 65_536,
  }
  return { context: { ports, settings }, memory, wakes }
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
