import type { Json } from '../core/json.ts'
import type { InputOf, Requires } from './requires.ts'
import type { Output } from './targets/target.ts'
import type { Budgets, Secrets } from './task.ts'

/** Writes lines to the attempt's log; fields are shown after the message. */
export interface Log {
  debug(message: string, fields?: Record<string, unknown>): void
  info(message: string, fields?: Record<string, unknown>): void
  warn(message: string, fields?: Record<string, unknown>): void
  error(message: string, fields?: Record<string, unknown>): void
}

/** A budget as a body spends it. */
export interface Budget {
  /**
   * Counts calls before they are made. More than the task declared is reserved anew; if nothing is left, the
   * attempt ends, and is made again when there is. Once it was called, what is not spent comes back at the end.
   */
  spend(amount?: number): Promise<void>
  /** What is left of this attempt's reservation. */
  readonly left: number
  /**
   * For an answer such as 429: no attempt uses the budget until `Retry-After` (seconds, or a date; a minute if there is
   * none, or it is zero or past), and this attempt is made again then. Always throws.
   */
  throttled(retryAfter?: string | number | null): Promise<never>
}

/** What a body is called with. */
export interface BodyContext<P, R, O, S, B> {
  params: P
  /** The upstreams' outputs in the shape of `requires`. */
  input: InputOf<R>
  /** The task's own targets; what is written is moved into place when the body has ended well. */
  output: O
  secrets: { readonly [K in keyof S]: string }
  /** The budgets that the task declares. */
  budgets: { readonly [K in keyof B]: Budget }
  /**
   * Needs tasks that are known only now. If they are not complete yet, it throws, the attempt ends as `yielded`, and
   * the body begins again once they are; then `need` returns their outputs in the same shape. A checkpoint saves the
   * next attempt what this one has found out.
   */
  need: <D extends Requires>(requires: D, options?: { checkpoint?: Json }) => Promise<InputOf<D>>
  /** What an earlier attempt of this run has kept. */
  checkpoint: Json | undefined
  /** Keeps up to 16 KB of JSON for the next attempt, when this one has ended in any way but by the death of its process. */
  saveCheckpoint: (value: Json) => void
  log: Log
  /** Tells how far the body is; shown while the run is followed. */
  progress: (done: number, total?: number, text?: string) => void
  /** Aborted when the attempt is to stop: a timeout, Ctrl-C, a cancelled run. */
  signal: AbortSignal
  /** From 1, counting every attempt. */
  attempt: number
  run: string
}

/** A task's work. What it returns is kept as the marker's result if the task has no output. */
export type Body<
  P,
  R extends Requires | undefined,
  O extends Output | undefined,
  S extends Secrets,
  B extends Budgets,
  Result extends Json | undefined | void,
> = (context: BodyContext<P, R, O, S, B>) => Result | Promise<Result>
