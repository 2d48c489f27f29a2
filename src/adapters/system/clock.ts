import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import type { Bell, Clock } from '../../core/ports.ts'

const POLL_MS = 50

/** The machine's clock, with bells that end an idle sleep. */
export interface SystemClock extends Clock {
  /** This process has made what the bell rings for. */
  ring(bell: Bell): void
}

interface Idler {
  bell: Bell
  until: number
  wake: () => void
}

/** `version` is asked every 50 ms while somebody idles; it is another number when another process has changed the records. */
export function systemClock(version: () => number = () => 0): SystemClock {
  const idlers = new Set<Idler>()
  // Whoever looked just before a bell rang, and found nothing, is about to sleep: it looks once more instead.
  const justRung = new Set<Bell>()
  let poll: NodeJS.Timeout | undefined
  let seen: number | undefined

  function wake(isWoken: (idler: Idler) => boolean): void {
    for (const idler of idlers)
      if (isWoken(idler)) {
        idlers.delete(idler)
        idler.wake()
      }
    if (idlers.size > 0) return
    clearInterval(poll)
    poll = undefined
  }

  function look(): void {
    const before = seen
    seen = version()
    const now = Date.now()
    wake(({ until }) => seen !== before || until <= now)
  }

  return {
    now: () => Date.now(),
    sleep: (ms) => sleep(ms),
    async idle(ms, bell) {
      if (justRung.has(bell)) return nextTurn()
      await new Promise<void>((resolve) => {
        idlers.add({ bell, until: Date.now() + ms, wake: resolve })
        poll ??= setInterval(look, POLL_MS)
      })
    },
    ring(bell) {
      if (justRung.size === 0) setImmediate(() => justRung.clear())
      justRung.add(bell)
      wake((idler) => idler.bell === bell)
    },
  }
}
