import { inspect, types } from 'node:util'
import type { Failure } from '../core/records/task-run.ts'

/** A chain is told up to this depth, and so many causes in all: records are small, and chains may be endless. */
const MAX_DEPTH = 6
const MAX_CAUSES = 12
const MAX_FRAMES = 10
const MAX_SHOWN = 300

/** An error with what caused it. */
interface ErrorStory {
  head: string
  frames: string[]
  /** Its cause, and the members of an `AggregateError`. */
  causes: ErrorStory[]
}

/**
 * What a body's exception says to the person who reads it: the message with those of its causes, and the stack followed by
 * each cause with the first line of its stack that is the user's own.
 */
export function makeBodyFailure(error: unknown): Failure {
  if (!isError(error)) return { outcome: 'failed', message: `thrown: ${formatThrownValue(error)}` }
  const told = collectCauses(error, { seen: new Set(), left: MAX_CAUSES }, 0)
  const frames = told.frames.slice(0, MAX_FRAMES)
  const stack = [told.head, ...frames, ...told.causes.flatMap((cause) => causeLines(cause, 0))]
  return { outcome: 'failed', message: formatMessage(told), stack: stack.join('\n') }
}

const formatMessage = ({ head, causes }: ErrorStory): string =>
  causes.length === 0 ? head : `${head} (${causes.map(formatMessage).join('; ')})`

function causeLines({ head, frames, causes }: ErrorStory, depth: number): string[] {
  const own = frames.find(isOwn) ?? frames[0]
  const indent = '  '.repeat(depth)
  return [
    `${indent}Caused by: ${head}`,
    ...(own === undefined ? [] : [`${indent}${own}`]),
    ...causes.flatMap((cause) => causeLines(cause, depth + 1)),
  ]
}

function collectCauses(
  error: unknown,
  told: { seen: Set<unknown>; left: number },
  depth: number,
): ErrorStory {
  told.left--
  if (!isError(error)) return { head: formatThrownValue(error), frames: [], causes: [] }
  if (told.seen.has(error)) return { head: `${formatErrorHead(error)} (again)`, frames: [], causes: [] }
  told.seen.add(error)
  const causes: ErrorStory[] = []
  for (const cause of listCauses(error))
    if (depth < MAX_DEPTH && told.left > 0) causes.push(collectCauses(cause, told, depth + 1))
    else {
      causes.push({ head: '… and more', frames: [], causes: [] })
      break
    }
  return { head: formatErrorHead(error), frames: listOwnFrames(error), causes }
}

function listCauses(error: Error): unknown[] {
  const { cause } = error
  const errors = 'errors' in error ? error.errors : undefined
  return [...(cause === undefined || cause === null ? [] : [cause]), ...(Array.isArray(errors) ? errors : [])]
}

/** A network's errors may have no message but a code. */
function formatErrorHead(error: Error): string {
  const { name, message } = error
  const code = 'code' in error ? error.code : undefined
  const said = `${message ?? ''}` || `${code ?? ''}`
  if (name === 'Error' || name === 'SluiceError') return said || 'an error without a message'
  return said === '' ? `${name}` : `${name}: ${said}`
}

function listOwnFrames({ stack }: Error): string[] {
  return typeof stack === 'string' ? stack.split('\n').filter((line) => /^ {4}at /.test(line)) : []
}

/** Where Sluice's own files are; a bundle is beside others of its kind. */
const OWN = new URL('..', import.meta.url).href

/** Whether a line of a stack is of the user's own code. */
const isOwn = (frame: string) => !/node:|node_modules/.test(frame) && !frame.includes(OWN)

const isError = (value: unknown): value is Error => value instanceof Error || types.isNativeError(value)

function formatThrownValue(value: unknown): string {
  const text = inspect(value, { depth: 2, breakLength: Number.POSITIVE_INFINITY })
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text
}
