import type { Home } from './home.ts'

/** The state that a control works on; it is opened when an operation needs it. */
export interface StateHome {
  /** The state, or undefined where none has been made yet. */
  existing(): Promise<Home | undefined>
  /** The state; throws `unknown_run` where none has been made yet. */
  withRuns(): Promise<Home>
}
