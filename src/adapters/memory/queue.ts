import { pipelineOf } from '../../core/identity.ts'
import type { Clock, Delivery, Message, Queue } from '../../core/ports.ts'
import { type Group, nextTurn } from '../../core/turns.ts'

interface Entry {
  id: number
  message: Message
  pool: string
  priority: number
  visibleAt: number
  /** Counts deliveries, so that only the latest receipt is valid. */
  delivery: number
}

/** An at-least-once queue in one process's memory. */
export function memoryQueue(clock: Pick<Clock, 'now'>): Queue {
  const entries = new Map<number, Entry>()
  const served = new Map<string, number>()
  let last = 0
  let turn = 0

  const byReceipt = (receipt: string) => {
    const [id, delivery] = receipt.split('.').map(Number)
    const entry = entries.get(id ?? 0)
    return entry?.delivery === delivery ? entry : undefined
  }

  function deliver(entry: Entry, visibleAt: number): Delivery {
    entry.visibleAt = visibleAt
    entry.delivery++
    return { message: entry.message, receipt: `${entry.id}.${entry.delivery}` }
  }

  function takeFrom(pool: string, limit: number, visibleAt: number, runs?: readonly string[]): Delivery[] {
    const now = clock.now()
    const queues = Map.groupBy(
      [...entries.values()].filter(
        (each) =>
          each.pool === pool &&
          each.visibleAt <= now &&
          (runs === undefined || runs.includes(each.message.run)),
      ),
      (each) => each.message.run,
    )
    for (const queue of queues.values()) queue.sort((a, b) => b.priority - a.priority || a.id - b.id)
    const taken: Delivery[] = []
    while (taken.length < limit) {
      const groups: Group[] = [...queues].flatMap(([run, [head]]) =>
        head === undefined ? [] : [{ run, pipeline: pipelineOf(run), priority: head.priority }],
      )
      const next = nextTurn(groups, (name) => served.get(`${pool}/${name}`) ?? 0)
      if (next === undefined) break
      turn++
      for (const name of [next.run, next.pipeline]) served.set(`${pool}/${name}`, turn)
      taken.push(deliver(queues.get(next.run)?.shift() as Entry, visibleAt))
    }
    return taken
  }

  return {
    async send(messages) {
      for (const { message, delayMs, pool, priority } of messages) {
        const id = ++last
        entries.set(id, { id, message, pool, priority, visibleAt: clock.now() + delayMs, delivery: 0 })
      }
    },
    async take({ pools, limit, visibilityMs, runs }) {
      const taken: Delivery[] = []
      for (const [pool, room] of Object.entries(pools))
        taken.push(...takeFrom(pool, Math.min(room, limit - taken.length), clock.now() + visibilityMs, runs))
      return taken
    },
    async acknowledge(deliveries) {
      for (const { receipt } of deliveries) entries.delete(byReceipt(receipt)?.id ?? 0)
    },
    async putBack({ receipt }, delayMs) {
      const entry = byReceipt(receipt)
      if (entry) entry.visibleAt = clock.now() + delayMs
    },
    async remove(run) {
      for (const [id, { message }] of entries) if (message.run === run) entries.delete(id)
    },
  }
}
