import type { Failure, Progress } from './model.ts'

/** Shorter values are not masked: they would hide half of an ordinary line. */
const MIN_LENGTH = 4

/** A function that replaces every secret value in a text, line by line for values of several lines. */
export function maskOf(values: Iterable<string>): (text: string) => string {
  const parts = [...values]
    .flatMap((value) => [value, ...value.split('\n')])
    .map((part) => part.trim())
    .filter((part) => part.length >= MIN_LENGTH)
    .sort((a, b) => b.length - a.length)
  return (text) => parts.reduce((masked, part) => masked.replaceAll(part, '***'), text)
}

const MAX_MESSAGE = 500
const MAX_STACK = 2_000

/** A failure without secrets, small enough for a record; masked before it is cut, so that no half secret is left. */
export function maskedFailure(failure: Failure, mask: (text: string) => string): Failure {
  const { outcome, message, stack } = failure
  return {
    outcome,
    message: mask(message).slice(0, MAX_MESSAGE),
    ...(stack === undefined ? {} : { stack: mask(stack).slice(0, MAX_STACK) }),
  }
}

/** What a body reports of itself, without secrets. */
export function maskedProgress(progress: Progress, mask: (text: string) => string): Progress {
  return progress.text === undefined ? progress : { ...progress, text: mask(progress.text) }
}
