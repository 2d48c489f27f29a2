import type { Failure } from './model.ts'

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

/** A failure without secrets, in its stack neither. */
export function maskedFailure(failure: Failure, mask: (text: string) => string): Failure {
  const { outcome, message, stack } = failure
  return { outcome, message: mask(message), ...(stack === undefined ? {} : { stack: mask(stack) }) }
}
