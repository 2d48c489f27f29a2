import type { Governor } from './records/launch.ts'

/*
 * How fast jobs are launched in one account: pure rules of a bucket of tokens. Each launch takes one token and learns the instant at
 * which it may begin, so that no launcher has to ask again. Invariants:
 * 1. Until any instant no more launches may have begun than the bucket holds plus what the highest rate fills in that time.
 * 2. The instant of the record never goes back, so hosts whose clocks differ do not fill it twice.
 * 3. Throttling halves the rate and empties the bucket; the rate grows by time alone, so a quiet service is tried again.
 */

/** Limits of a governor. */
export interface GovernorLimits {
  /** Names the bucket. @default that of ECS */
  bucket?: string
  /** Launches a second at most. */
  most: number
  /** However often the service throttles, so many a second are tried. */
  least: number
  /** How many a full bucket holds. */
  burst: number
}

/** After throttling the rate takes so long to grow from nothing to the most. */
const RECOVERY_MS = 5 * 60_000
/** Nothing is promised that is farther away, because the rate may be another by then. */
const FARTHEST_MS = 5 * 60_000

/** What is asked of a governor. */
export interface LaunchTurn {
  /** How many launches, all at the instant of the last. @default 1 */
  count?: number
  /** If they may begin only later, none is taken. @default as far as anything is promised */
  longestMs?: number
}

/** A governor that nothing was launched with. */
export const makeGovernor = ({ most, burst }: GovernorLimits, steady: number): Governor => ({
  kind: 'governor',
  rate: most,
  tokens: burst,
  at: steady,
})

/** The governor as time has filled it. */
function fillGovernor(row: Governor, { most, burst }: GovernorLimits, steady: number): Governor {
  const elapsedMs = Math.max(0, steady - row.at)
  const rate = Math.min(most, row.rate + (most * elapsedMs) / RECOVERY_MS)
  // The old rate, because the new one holds from now on.
  const tokens = Math.min(burst, row.tokens + (row.rate * elapsedMs) / 1_000)
  return { ...row, rate, tokens, at: Math.max(row.at, steady) }
}

/**
 * Takes launches, one if nothing else is said, and tells in how many milliseconds the last may begin; 0: now. Without a governor in the
 * answer nothing was taken, because too many wait already: to be asked again after that time.
 */
export function takeLaunchToken(
  row: Governor,
  limits: GovernorLimits,
  steady: number,
  { count = 1, longestMs = FARTHEST_MS }: LaunchTurn = {},
): { governor?: Governor; waitMs: number } {
  const filled = fillGovernor(row, limits, steady)
  const missing = Math.max(0, count - filled.tokens)
  // A clock that is behind has to wait until the record's instant as well.
  const waitMs = missing === 0 ? 0 : Math.ceil((missing / filled.rate) * 1_000 + (filled.at - steady))
  if (waitMs > longestMs) return { waitMs: longestMs }
  return { governor: { ...filled, tokens: filled.tokens - count }, waitMs }
}

/** The service has throttled: half as fast from now on, and nothing at once. */
export function shrinkGovernor(row: Governor, limits: GovernorLimits, steady: number): Governor {
  const filled = fillGovernor(row, limits, steady)
  return {
    ...filled,
    rate: Math.max(limits.least, filled.rate / 2),
    tokens: Math.min(0, filled.tokens),
  }
}
