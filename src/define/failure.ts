import { inspect } from 'node:util'
import type { Failure } from '../core/model.ts'

/** What a body's exception says to the person who reads it. */
export function failureOfBody(error: unknown): Failure {
  if (!(error instanceof Error)) return { outcome: 'failed', message: `thrown: ${inspect(error)}` }
  const cause = error.cause instanceof Error ? ` (${error.cause.message})` : ''
  const name = error.name === 'Error' || error.name === 'SluiceError' ? '' : `${error.name}: `
  return {
    outcome: 'failed',
    message: `${name}${error.message}${cause}`,
    ...(error.stack === undefined ? {} : { stack: error.stack }),
  }
}
