import type { SeedKind } from '../simulation/simulate.ts'

/** What looks for a fault: seeds of the simulation, or a file of tests. */
export type Detector = Seeds | { test: string }

/** Seeds from 1 on; `of`: only those of this kind, which is a feature of their world, or `sqlite`. */
export interface Seeds {
  seeds: number
  of?: SeedKind
}

/** A rule that is left out or broken on purpose, to see whether anything notices. */
export interface Fault {
  /** What goes wrong with it, in words. */
  name: string
  /** Where, from the project's folder. */
  file: string
  /** The text that is replaced; it stands there exactly once. */
  find: string
  replace: string
  /** Which detector sees it soonest; it is tried first. */
  by: Detector
  /**
   * Why a turn leaves it out. `unseen`: nothing sees it yet. `server`: what sees it needs a server in Java, which takes
   * long to start and is not installed everywhere.
   */
  notInTurns?: 'unseen' | 'server'
}

/** How a detector is called in the table. */
export const nameOf = (detector: Detector): string =>
  'seeds' in detector
    ? ['simulation', detector.of].filter(Boolean).join(', ')
    : detector.test.replace(/^test\//, '')
