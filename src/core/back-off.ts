/** A delay that doubles with each try. */
export interface BackOff {
  firstMs: number
  longestMs: number
}

/** The delay in milliseconds after so many earlier delays: `firstMs` after none, then twice as much each time, at most `longestMs`. */
export function computeBackOffMs({ firstMs, longestMs }: BackOff, earlier: number): number {
  return Math.min(firstMs * 2 ** earlier, longestMs)
}

/**
 * The same with full jitter, so that those who met in a race do not meet again; `random` is from 0 up to 1.
 * Source: AWS Architecture Blog, "Exponential Backoff And Jitter", 2015.
 */
export function computeJitteredBackOffMs(backOff: BackOff, earlier: number, random: number): number {
  return computeBackOffMs(backOff, earlier) * random
}
