import type { Clock, Message, Queue } from '../../core/ports.ts'

interface Entry {
  message: Message
  visibleAt: number
  /** Counts deliveries, so that only the latest receipt is valid. */
  delivery: number
}

/** An at-least-once queue in one process's memory. */
export function memoryQueue(clock: Clock): Queue {
  const entries = new Map<number, Entry>()
  let last = 0

  const byReceipt = (receipt: string) => {
    const [id, delivery] = receipt.split('.').map(Number)
    const entry = entries.get(id ?? 0)
    return entry?.delivery === delivery ? { id: id ?? 0, entry } : undefined
  }

  return {
    async send(messages) {
      for (const { message, delayMs } of messages)
        entries.set(++last, { message, visibleAt: clock.now() + delayMs, delivery: 0 })
    },
    async take({ limit, visibilityMs, run }) {
      const now = clock.now()
      const visible = [...entries]
        .filter(([, each]) => each.visibleAt <= now && (run === undefined || each.message.run === run))
        .slice(0, limit)
      return visible.map(([id, entry]) => {
        entry.visibleAt = now + visibilityMs
        entry.delivery++
        return { message: entry.message, receipt: `${id}.${entry.delivery}` }
      })
    },
    async acknowledge(deliveries) {
      for (const { receipt } of deliveries) entries.delete(byReceipt(receipt)?.id ?? 0)
    },
    async putBack({ receipt }, delayMs) {
      const found = byReceipt(receipt)
      if (found?.entry) found.entry.visibleAt = clock.now() + delayMs
    },
  }
}
