import { parsePipelineOfRun } from '../../core/identity.ts'
import { mustHave } from '../../core/must-have.ts'
import type { Clock, Delivery, Message, MessageQuery, Queue } from '../../core/ports/deciding.ts'
import { type Group, takeMessagesInTurns } from '../../core/turns.ts'

interface Entry {
  id: number
  message: Message
  pool: string
  priority: number
  visibleAt: number
  /** Counts deliveries, so that only the latest receipt is valid. */
  delivery: number
}

function isUnfit({ run, number }: Message, unfit: MessageQuery['unfit']): boolean {
  const left = unfit?.get(run)
  return left === 'all' || left?.has(number) === true
}

/** An at-least-once queue in one process's memory. */
export function makeMemoryQueue(clock: Pick<Clock, 'steady'>): Queue {
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

  function takeFrom(
    pool: string,
    limit: number,
    visibleAt: number,
    { runs, unfit }: MessageQuery,
  ): Delivery[] {
    const now = clock.steady()
    const queues = Map.groupBy(
      [...entries.values()].filter(
        (each) =>
          each.pool === pool &&
          each.visibleAt <= now &&
          (runs === undefined || runs.includes(each.message.run)) &&
          !isUnfit(each.message, unfit),
      ),
      (each) => each.message.run,
    )
    for (const queue of queues.values()) queue.sort((a, b) => b.priority - a.priority || a.id - b.id)
    const groupOf = (run: string): Group | undefined => {
      const head = queues.get(run)?.[0]
      return head && { run, pipeline: parsePipelineOfRun(run), priority: head.priority }
    }
    const groups = new Map([...queues.keys()].map((run) => [run, mustHave(groupOf(run), 'message of a run')]))
    const servedAt = (name: string) => served.get(`${pool}/${name}`) ?? 0
    return takeMessagesInTurns(groups, { places: limit, limit }, servedAt, ({ run, pipeline }) => {
      turn++
      for (const name of [run, pipeline]) served.set(`${pool}/${name}`, turn)
      const taken = deliver(mustHave(queues.get(run)?.shift(), 'message of a run'), visibleAt)
      return { taken, next: groupOf(run) }
    })
  }

  return {
    async send(messages) {
      for (const { message, delayMs, pool, priority } of messages) {
        const id = ++last
        entries.set(id, { id, message, pool, priority, visibleAt: clock.steady() + delayMs, delivery: 0 })
      }
    },
    async take(query) {
      const { pools, limit, visibilityMs } = query
      const taken: Delivery[] = []
      for (const [pool, room] of Object.entries(pools))
        taken.push(
          ...takeFrom(pool, Math.min(room, limit - taken.length), clock.steady() + visibilityMs, query),
        )
      return taken
    },
    async acknowledge(deliveries) {
      for (const { receipt } of deliveries) entries.delete(byReceipt(receipt)?.id ?? 0)
    },
    async putBack({ receipt }, delayMs) {
      const entry = byReceipt(receipt)
      if (entry) entry.visibleAt = clock.steady() + delayMs
    },
    async remove(run) {
      for (const [id, { message }] of entries) if (message.run === run) entries.delete(id)
    },
  }
}
