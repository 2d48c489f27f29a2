import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import type { Clock } from '../../core/ports.ts'

const POLL_MS = 50

/** The machine's clock, with a bell that ends an idle sleep. */
export interface SystemClock extends Clock {
  /** Something in this process changed the records. */
  ring(): void
}

/** `hasChanged` is asked every 50 ms whether another process changed the records. */
export function systemClock(hasChanged: () => boolean = () => false): SystemClock {
  const bells = new Set<() => void>()
  // Whoever looked just before a bell rang, and found nothing, is about to sleep: it looks once more instead.
  let justRung = false
  const ring = () => {
    if (!justRung)
      setImmediate(() => {
        justRung = false
      })
    justRung = true
    for (const wake of bells) wake()
  }
  return {
    now: () => Date.now(),
    sleep: (ms) => sleep(ms),
    async idle(ms) {
      if (justRung) return nextTurn()
      const until = Date.now() + ms
      const rung = Promise.withResolvers<boolean>()
      const wake = () => rung.resolve(true)
      bells.add(wake)
      for (let isRung = false; !isRung && Date.now() < until; ) {
        if (hasChanged()) ring()
        isRung = await Promise.race([rung.promise, sleep(Math.min(POLL_MS, until - Date.now()), false)])
      }
      bells.delete(wake)
    },
    ring,
  }
}
