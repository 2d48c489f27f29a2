import type { Clock } from '../../src/core/ports/deciding.ts'

/** A clock that stands until it is moved. */
export interface TestClock extends Clock {
  advance(ms: number): void
}

export function testClock(): TestClock {
  let now = Date.UTC(2026, 0, 1)
  return {
    now: () => now,
    steady: () => now,
    sleep: async () => {},
    listen: () => async () => {},
    advance(ms) {
      now += ms
    },
  }
}
