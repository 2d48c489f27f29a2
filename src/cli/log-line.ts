import { styleText } from 'node:util'
import { SluiceError } from '../core/errors.ts'
import { isOpen } from '../core/model.ts'
import type { LogLine } from '../core/ports.ts'
import { findTasks, type RunView, type TaskView } from '../project/inspect.ts'
import type { GlobalOptions } from './options.ts'

/** Flags of `sluice logs`. */
export interface LogsOptions extends GlobalOptions {
  follow?: true
  tail?: number
  attempt?: number
}

/** A line with the task that it is of. */
export interface TaskLine extends LogLine {
  task: string
  number: number
  attempt: number
}

/** The tasks whose lines are wanted; throws where none of them has had the attempt that is asked for. */
export function wantedTasks(
  view: RunView,
  name: string | undefined,
  { attempt, follow }: LogsOptions,
): TaskView[] {
  const tasks = name === undefined ? view.tasks : findTasks(view, name)
  const most = tasks.reduce((most, task) => Math.max(most, attemptsOf(task)), 0)
  const mayCome = follow && isOpen(view.run.status)
  if (attempt === undefined || attempt <= most || mayCome) return tasks
  throw new SluiceError(
    'unknown_attempt',
    `${name ?? `Run ${view.run.id}`} has had no attempt ${attempt}${most === 0 ? ': nothing has begun' : `; the last one is ${most}`}.`,
    { hint: `sluice status ${view.run.id} shows how often each task was tried.` },
  )
}

/** How many attempts have begun. */
const attemptsOf = ({ task }: TaskView) => (task.startedAt === undefined ? 0 : task.attempt)

/** A line for a terminal or, with `--json`, as data. */
export function lineText(line: TaskLine, view: RunView, { json }: LogsOptions): string {
  if (json) return JSON.stringify(line)
  const who = view.tasks.length > 1 ? `${line.task}${line.attempt > 1 ? `#${line.attempt}` : ''}` : ''
  const time = new Date(line.at).toISOString().slice(11, 23)
  const text = line.level === 'error' ? styleText('red', line.text) : line.text
  const level = line.level === 'warn' || line.level === 'debug' ? `${line.level} ` : ''
  return [styleText('dim', time), who && styleText('cyan', who), `${level}${text}`].filter(Boolean).join(' ')
}
