/** An answer tells its second alone, and was a while under way. */
const MEANS_THE_SAME_MS = 2_000

let aheadMs = 0

/** Learns from an answer how far the clock of Sluice is ahead of this browser's, whose owner may have set it wrong. */
export function noteClock(headers: Headers): void {
  const told = Date.parse(headers.get('date') ?? '')
  if (Number.isNaN(told)) return
  const ahead = told + 500 - Date.now()
  aheadMs = Math.abs(ahead) < MEANS_THE_SAME_MS ? 0 : ahead
}

/** Now by the clock of Sluice, which wrote the instants that pages show. */
export const now = (): number => Date.now() + aheadMs
