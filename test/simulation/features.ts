import { seeded } from './scheduler.ts'

/** What a world has beside its runs and the people who act on them; each makes a world longer, so that few have all. */
export interface Features {
  /** Tasks whose target another task makes as well. */
  hasRivals: boolean
  /** People retry runs that are open. */
  hasRetries: boolean
  /** A schedule starts runs; people pause and change it. */
  hasSchedules: boolean
  /** People fill intervals of the past. */
  hasBackfills: boolean
  /** Families leave the project and come back, and what tasks need of limits changes. */
  changesDefinitions: boolean
  /** Workers go on with what became ready by their attempts. */
  handsOn: boolean
  /** Their hosts die each time somewhere while they hand on. */
  cutsHandOns: boolean
}

/** A world of runs alone. */
export const PLAIN_WORLD: Features = {
  hasRivals: false,
  hasRetries: false,
  hasSchedules: false,
  hasBackfills: false,
  changesDefinitions: false,
  handsOn: false,
  cutsHandOns: false,
}

/** The features of a seed: from numbers of their own, so that a new one changes no world that is without it. */
export function featuresOf(seed: number, isCalm: boolean): Features {
  const random = seeded(seed ^ 0x5eed)
  const has = (share: number) => random() < share && !isCalm
  const features = {
    hasRivals: has(0.2),
    hasRetries: has(0.3),
    hasSchedules: has(0.12),
    hasBackfills: has(0.12),
    changesDefinitions: has(0.15),
  }
  // Without faults as well: then no body may run more often for it.
  const handsOn = random() < 0.5
  return { ...features, handsOn, cutsHandOns: has(0.4) && handsOn }
}
