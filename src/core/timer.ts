/** The longest delay that a timer of the platform takes; a longer one fires at once (HTML standard: a signed 32-bit number). */
const LONGEST_MS = 2 ** 31 - 1

/** A timer that has been started. */
export interface Timer {
  cancel(): void
  /** Does not keep the process alive. */
  unref(): Timer
}

/** Calls back after any number of milliseconds, months too. */
export function startLongTimer(ms: number, callback: () => void): Timer {
  let isHeld = true
  let timer: NodeJS.Timeout
  const wait = (left: number) => {
    const next = left > LONGEST_MS ? () => wait(left - LONGEST_MS) : callback
    timer = setTimeout(next, Math.min(left, LONGEST_MS))
    if (!isHeld) timer.unref()
  }
  wait(ms)
  return {
    cancel: () => clearTimeout(timer),
    unref() {
      isHeld = false
      timer.unref()
      return this
    },
  }
}
