/** One instant as both clocks tell it, see {@link Clock}. */
export interface Moment {
  /** The wall clock. */
  now: number
  /** The clock of leases and delays. */
  steady: number
}

/** Both readings of a clock. */
export const readClockMoment = (clock: { now(): number; steady(): number }): Moment => ({
  now: clock.now(),
  steady: clock.steady(),
})

/** An instant of the wall clock as the steady clock will tell it, if neither is set meanwhile. */
export const toSteadyInstant = (wallAt: number, { now, steady }: Moment): number => wallAt - now + steady

/** An instant of the steady clock as the wall clock will tell it: for people. */
export const toWallClockInstant = (steadyAt: number, { now, steady }: Moment): number =>
  steadyAt - steady + now
