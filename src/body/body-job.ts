import type { Json, Params } from '../core/json.ts'
import type { Shape } from '../core/plan.ts'
import type { Reservation, TaskName } from '../core/ports/working.ts'

/** What the process that runs a body is given for one attempt, so that it needs no look at the state. */
export interface BodyJob extends TaskName {
  run: string
  params: Params
  attempt: number
  writer: string
  requires?: Shape
  /** What is in its targets is replaced. */
  replaces?: true
  upstreams: ({ number: number } & TaskName)[]
  /** Ids of what earlier attempts yielded. */
  dependencies: string[]
  checkpoint?: Json
  budgets: { [name: string]: Reservation }
  /** Results of upstreams that produce nothing else, by task id. */
  markers: { [taskId: string]: Json }
  secrets: Record<string, string>
}
