import { setTimeout as sleep } from 'node:timers/promises'
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
  const rung: { [bell in Bell]: number } = { events: 0, messages: 0 }
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
    listen(bell) {
      const heard = rung[bell]
      return async (ms) => {
        if (rung[bell] !== heard) return
        await new Promise<void>((resolve) => {
          idlers.add({ bell, until: Date.now() + ms, wake: resolve })
          poll ??= setInterval(look, POLL_MS)
        })
      }
    },
    ring(bell) {
      rung[bell]++
      if (idlers.size > 0) wake((idler) => idler.bell === bell)
    },
  }
}
