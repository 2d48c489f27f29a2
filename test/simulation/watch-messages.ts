import { keys } from '../../src/core/keys.ts'
import type { Delivery, MessageQuery } from '../../src/core/ports/deciding.ts'
import { nameOf, type Watched } from './watch.ts'

/** Looks at what hosts are given by the queue: no more than they ask for, in order, and nothing to two at once. */
export class MessageWatch {
  readonly #world: Watched
  /** When a message may be given again, by the first part of its receipts, and the latest of these. */
  readonly #sights = new Map<string, { until: number; receipt: string }>()
  /** Messages that hosts have taken and not settled, by receipt. */
  readonly #open = new Map<string, { host: string; name: string; at: number }>()

  constructor(world: Watched) {
    this.#world = world
  }

  /** A host was given these messages. */
  took(host: string, { limit, pools, visibilityMs }: MessageQuery, deliveries: readonly Delivery[]): void {
    const most = Object.values(pools).reduce((sum, room) => sum + Math.max(0, room), 0)
    if (deliveries.length > Math.min(limit, most))
      this.#world.violate(`${host} was given ${deliveries.length} messages, not ${Math.min(limit, most)}`)
    this.#checkOrder(deliveries)
    const at = this.#world.clockOf(host)
    for (const each of deliveries) {
      this.#checkSight(host, each, visibilityMs)
      this.#open.set(each.receipt, { host, name: nameOf(each.message), at })
    }
  }

  /** When a host took the first message of an attempt that it has not settled, by its clock; 0 if it has settled all. */
  findFirstOpenTake(host: string, name: string): number {
    const open = [...this.#open.values()].filter((each) => each.host === host && each.name === name)
    return open.reduce((first, { at }) => Math.min(first, at), open[0]?.at ?? 0)
  }

  /** A host has put a message back. */
  putBack(host: string, { receipt }: Delivery, delayMs: number): void {
    this.#open.delete(receipt)
    const [id = ''] = receipt.split('.')
    const sight = this.#sights.get(id)
    if (sight?.receipt === receipt) sight.until = this.#world.clockOf(host) + delayMs
  }

  /** A host needs a message no more. */
  acknowledged(deliveries: readonly Delivery[]): void {
    for (const { receipt } of deliveries) {
      this.#open.delete(receipt)
      const [id = ''] = receipt.split('.')
      const sight = this.#sights.get(id)
      if (sight?.receipt === receipt) sight.until = Number.POSITIVE_INFINITY
    }
  }

  /** A message is given to one host at a time, and never again once it was acknowledged. */
  #checkSight(host: string, { receipt, message }: Delivery, visibilityMs: number): void {
    const [id = ''] = receipt.split('.')
    const until = this.#sights.get(id)?.until ?? 0
    // The clocks of hosts differ, and a queue goes by its own.
    const now = this.#world.fastestClock()
    if (now < until)
      this.#world.violate(`${host} is given ${nameOf(message)} again, ${until - now} ms too early`)
    this.#sights.set(id, { until: this.#world.clockOf(host) + visibilityMs, receipt })
  }

  /** Of one run the highest priority comes first. */
  #checkOrder(deliveries: readonly Delivery[]): void {
    const last = new Map<string, number>()
    for (const { message } of deliveries) {
      const task = this.#world.records.get(keys.taskRun(message.run, message.number))
      if (task?.kind !== 'taskRun') continue
      const pool = `${message.run} ${task.pool}`
      if (task.priority > (last.get(pool) ?? Number.POSITIVE_INFINITY))
        this.#world.violate(`${task.taskId} comes after another one of less priority`)
      last.set(pool, task.priority)
    }
  }
}
