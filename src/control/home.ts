import type { Surroundings } from '../body/outputs.ts'
import type { Plan } from '../core/plan.ts'
import type { Logs, Presence } from '../core/ports/looking.ts'
import type { SecretStore } from '../core/ports/working.ts'
import type { Context } from '../engine/context.ts'
import type { PlanSurroundings } from '../planning/plan-tasks.ts'

/** What became of the file of a state; sizes in bytes. */
interface ShrinkResult {
  beforeBytes: number
  afterBytes: number
  /** Much is free, but giving it back would hold up an engine that may be at work. */
  isLater?: true
}

/** Which files beside targets have been abandoned. */
interface AbandonedFiles {
  /** In milliseconds since 1970; a file that was changed later stays. */
  before: number
  /** Whether the attempt of this nonce still runs. */
  isRunning(nonce: string): boolean
}

/** Where the engine lives, on one machine or on AWS, and the ports through which it is read. */
export interface Home {
  context: Context
  logs: Logs
  secrets: SecretStore
  surroundings: Surroundings
  /** What plans from elsewhere are read with. */
  definitions: Omit<PlanSurroundings, 'folder'>
  /** The last instant of a simulation that this state is of: its clock stands still there, and nothing can be written. */
  simulatedUntil?: number
  /** Which processes work on runs; absent if a deployment does. */
  presence?: Presence
  /** Throws what is missing here to run the tasks of a plan, before any runs. */
  requireRunnable(plan: Plan): Promise<void>
  /** Gives the space of what was forgotten back; absent if nothing has to. */
  shrink?(): Promise<ShrinkResult>
  /** Removes what attempts that died have left beside targets; absent if targets are not on this machine. */
  removeAbandoned?(abandoned: AbandonedFiles): Promise<number>
  /** Removes containers that were kept for a person, if their run is forgotten; absent if none are on this machine. */
  removeKept?(isForgotten: (run: string) => Promise<boolean>): Promise<number>
  close(): Promise<void>
}
