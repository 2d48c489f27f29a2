import { inspect } from 'node:util'
import type { Failure } from '../core/model.ts'

const MAX_STACK = 2000

/** What a body's exception says to the person who reads it; the record stays small. */
export function failureOfBody(error: unknown): Failure {
  if (!(error instanceof Error))
    return { outcome: 'failed', message: `thrown: ${inspect(error)}`.slice(0, 500) }
  const cause = error.cause instanceof Error ? ` (${error.cause.message})` : ''
  const name = error.name === 'Error' || error.name === 'SluiceError' ? '' : `${error.name}: `
  return {
    outcome: 'failed',
    message: `${name}${error.message}${cause}`.slice(0, 500),
    ...(error.stack === undefined ? {} : { stack: error.stack.slice(0, MAX_STACK) }),
  }
}
