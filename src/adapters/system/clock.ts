import { performance } from 'node:perf_hooks'
import type { Clock, WakeSignal } from '../../core/ports/deciding.ts'
import { startLongTimer } from '../../core/timer.ts'

const POLL_MS = 50

/** The machine's clock, with wake signals that end an idle sleep. */
export interface SystemClock extends Clock {
  /** Sends the wake signal: this process has written events or messages. */
  wake(signal: WakeSignal): void
  /** Ends every idle sleep and stops calling `version`, because the records are about to be closed. */
  close(): void
}

interface Idler {
  signal: WakeSignal
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
  const sent: { [signal in WakeSignal]: number } = { events: 0, messages: 0 }
  let poll: NodeJS.Timeout | undefined
  let seen: number | undefined
  let isClosed = false

  function wakeIdlers(isWoken: (idler: Idler) => boolean): void {
    for (const idler of idlers)
      if (isWoken(idler)) {
        idlers.delete(idler)
        idler.wake()
      }
  }

  function stopPolling(): void {
    clearInterval(poll)
    poll = undefined
  }

  function look(): void {
    // Not as soon as the last idler is woken: most often it idles again before the next look.
    if (idlers.size === 0) stopPolling()
    const before = seen
    if (!isClosed) seen = version()
    const now = performance.now()
    wakeIdlers(({ until }) => seen !== before || until <= now)
  }

  return {
    now: time.now,
    steady: time.steady,
    sleep: (ms) => new Promise((resolve) => void startLongTimer(ms, resolve)),
    listen(signal) {
      const heard = sent[signal]
      return async (ms) => {
        if (sent[signal] !== heard) return
        await new Promise<void>((resolve) => {
          idlers.add({ signal, until: performance.now() + ms, wake: resolve })
          poll ??= setInterval(look, POLL_MS)
        })
      }
    },
    wake(signal) {
      sent[signal]++
      if (idlers.size > 0) wakeIdlers((idler) => idler.signal === signal)
    },
    close() {
      isClosed = true
      wakeIdlers(() => true)
      stopPolling()
    },
  }
}
