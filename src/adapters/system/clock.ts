import { performance } from 'node:perf_hooks'
import type { Bell, Clock } from '../../core/ports.ts'
import { startLongTimer } from '../../core/timer.ts'

const POLL_MS = 50

/** The machine's clock, with wake signals that end an idle sleep. */
export interface SystemClock extends Clock {
  /** Sends the wake signal: this process has written events or messages. */
  ring(bell: Bell): void
  /** Ends every idle sleep and stops calling `version`, because the records are about to be closed. */
  close(): void
}

interface Idler {
  bell: Bell
  /** By `performance.now()`. */
  until: number
  wake: () => void
}

/** Sources of a system clock. */
export interface ClockOptions {
  /** Called every 50 ms while a loop idles. Its number changes when another process has changed the records. */
  version?: () => number
  /** The two clocks. @default the machine's wall clock, for both */
  time?: Pick<Clock, 'now' | 'steady'>
}

const WALL = { now: () => Date.now(), steady: () => Date.now() }

/** The clock of this process. */
export function makeSystemClock({ version = () => 0, time = WALL }: ClockOptions = {}): SystemClock {
  const idlers = new Set<Idler>()
  const rung: { [bell in Bell]: number } = { events: 0, messages: 0 }
  let poll: NodeJS.Timeout | undefined
  let seen: number | undefined
  let isClosed = false

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
    if (!isClosed) seen = version()
    const now = performance.now()
    wake(({ until }) => seen !== before || until <= now)
  }

  return {
    now: time.now,
    steady: time.steady,
    sleep: (ms) => new Promise((resolve) => void startLongTimer(ms, resolve)),
    listen(bell) {
      const heard = rung[bell]
      return async (ms) => {
        if (rung[bell] !== heard) return
        await new Promise<void>((resolve) => {
          idlers.add({ bell, until: performance.now() + ms, wake: resolve })
          poll ??= setInterval(look, POLL_MS)
        })
      }
    },
    ring(bell) {
      rung[bell]++
      if (idlers.size > 0) wake((idler) => idler.bell === bell)
    },
    close() {
      isClosed = true
      wake(() => true)
    },
  }
}
