import { readErrorMessage } from '../core/errors.ts'
import type { Json } from '../core/json.ts'
import { CHECKPOINT_MAX_BYTES, convertToJson } from '../core/json.ts'
import type { BodyEnd } from '../core/ports/working.ts'
import type { TaskInstance } from '../define/task.ts'

/** Thrown inside a body to end its attempt in another way than by success or failure. */
export class AttemptSignal extends Error {
  readonly end: BodyEnd

  constructor(end: BodyEnd) {
    super(`the attempt ends as ${end.outcome}; let this error pass`)
    this.end = end
  }
}

/** The attempt yields: it is made again once these tasks are complete. */
export function makeYieldSignal(tasks: TaskInstance[]): AttemptSignal {
  const yielded = tasks.map(({ definition, params }) => ({ family: definition.family, params }))
  return new AttemptSignal({ outcome: 'yielded', yielded })
}

/** Nothing is left of a budget: the attempt is made again when there is. */
export function makeOverBudgetSignal(name: string, amount: number): AttemptSignal {
  const message = `nothing is left of the budget ${name} for ${amount} more`
  return new AttemptSignal({ outcome: 'over_budget', failure: { outcome: 'over_budget', message } })
}

/** The signal of an attempt whose outside service has asked for a pause: the attempt is made again at `retryAt`. */
export function makeThrottledSignal(name: string, retryAt: number): AttemptSignal {
  const message = `the service behind ${name} has asked for a pause until ${new Date(retryAt).toISOString()}`
  return new AttemptSignal({ outcome: 'throttled', retryAt, failure: { outcome: 'throttled', message } })
}

/** The checkpoint as it is kept; throws if it does not fit or is no JSON. */
export function checkCheckpoint(value: unknown): Json {
  const text = serializeCheckpoint(value)
  const size = Buffer.byteLength(text)
  if (size > CHECKPOINT_MAX_BYTES)
    throw new Error(
      `the checkpoint is ${size} bytes; it holds up to ${CHECKPOINT_MAX_BYTES}. Write more into the output of a task that you yield, and keep only where you are.`,
    )
  return JSON.parse(text)
}

function serializeCheckpoint(value: unknown): string {
  try {
    return convertToJson(value ?? null)
  } catch (error) {
    throw new Error(`a checkpoint is plain JSON: ${readErrorMessage(error)}`, { cause: error })
  }
}
