import type { LogLine } from './ports/looking.ts'
import type { Failure } from './records/task-run.ts'

/** Ends by which a task has failed; after other ends it is tried again for free. */
const FAILURES: Failure['outcome'][] = ['failed', 'timed_out', 'out_of_memory', 'planning', 'adopted']

/** The last lines of an attempt's log: the stack, if there is one, and the error that ended it. */
export function makeEndLines({ outcome, message, stack }: Failure, at: number): LogLine[] {
  const level = FAILURES.includes(outcome) ? 'error' : 'warn'
  const texts = [...(stack === undefined ? [] : [stack]), `${outcome}: ${message}`]
  return texts.map((text) => ({ at, level, text, isEnd: true }))
}
