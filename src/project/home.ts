import type { Shrunk } from '../adapters/sqlite/shrink.ts'
import type { Logs, Presence, SecretStore } from '../core/ports.ts'
import type { Surroundings } from '../define/planning.ts'
import type { Context } from '../engine/context.ts'
import type { PlanSurroundings } from './plan-tasks.ts'

/** Where the engine lives, on one machine or on AWS, and what it is looked at with. */
export interface Home {
  context: Context
  logs: Logs
  secrets: SecretStore
  surroundings: Surroundings
  /** What plans from elsewhere are read with. */
  definitions: Omit<PlanSurroundings, 'folder'>
  /** Which processes work on runs; absent where a deployment does. */
  presence?: Presence
  /** Gives the space of what was forgotten back; absent where nothing has to. */
  shrink?(): Promise<Shrunk>
  close(): Promise<void>
}
