import type { z } from 'zod'
import type { SchedulerState } from './scheduler/state.ts'

/** What a method has besides the state. */
export interface MethodContext {
  /** Seconds since the epoch. */
  now: number
  makeUuid(): string
}

/** A method of the protocol. */
export interface Method {
  arguments: z.ZodType
  perform(state: SchedulerState, sent: unknown, context: MethodContext): unknown
}

/** A method with the shape of its arguments, which are checked before it is performed. */
export const defineMethod = <S extends z.ZodType>(
  shape: S,
  perform: (state: SchedulerState, sent: z.output<S>, context: MethodContext) => unknown,
): Method => ({
  arguments: shape,
  perform: (state, sent, context) => perform(state, sent as z.output<S>, context),
})
