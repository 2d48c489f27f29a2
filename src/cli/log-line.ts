import { styleText } from 'node:util'
import { findTasks, type RunView, type TaskView } from '../control/inspect.ts'
import { SluiceError } from '../core/errors.ts'
import { isOpen } from '../core/model.ts'
import type { LogLine } from '../core/ports.ts'
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

/** Says why there is nothing to see, beside the lines that programs read. */
export function tellNoLines(view: RunView, name: string | undefined, options: LogsOptions): void {
  if (options.json || options.follow) return
  const hasBegun = wantedTasks(view, name, options).some((task) => attemptsOf(task) > 0)
  const why = hasBegun ? 'has written no lines' : 'has not run in this run, so there are no lines'
  console.error(`${name ?? view.run.id} ${why}.`)
}

/** How many attempts have begun. */
const attemptsOf = ({ task }: TaskView) => (task.startedAt === undefined ? 0 : task.attempt)

/** These are the task's failures; other ends are tried again for free. */
const FAILURES = ['failed', 'timed_out', 'out_of_memory', 'planning', 'adopted']

/** The stack and the error that ended each attempt, as its last lines; `lines` are those that it wrote itself. */
export function withEnds(lines: TaskLine[], tasks: TaskView[], { attempt }: LogsOptions): TaskLine[] {
  const lastAt = new Map(lines.map((line) => [`${line.number}.${line.attempt}`, line.at]))
  const ends = tasks.flatMap(endsOf).filter((end) => attempt === undefined || end.attempt === attempt)
  // The clock that the state goes by may be behind that of the lines.
  const places = new Map(
    ends.map((end) => [end, Math.max(end.at, lastAt.get(`${end.number}.${end.attempt}`) ?? 0)]),
  )
  const placeOf = (line: TaskLine) => places.get(line) ?? line.at
  return [...lines, ...ends].sort((a, b) => placeOf(a) - placeOf(b))
}

/** A task may also fail without an attempt, for instance because its `requires` threw. */
function endsOf({ task, planned, attempts }: TaskView): TaskLine[] {
  const { number, endedAt = 0, failure } = task
  const own =
    task.status === 'failed' && attempts.length === 0 ? [{ attempt: task.attempt, endedAt, failure }] : []
  return [...attempts, ...own].flatMap(({ attempt, endedAt: at, failure }) => {
    if (failure === undefined) return []
    const { outcome, message, stack } = failure
    const line = {
      at,
      level: FAILURES.includes(outcome) ? 'error' : 'warn',
      task: planned.label,
      number,
      attempt,
    } as const
    return [...(stack === undefined ? [] : [stack]), `${outcome}: ${message}`].map((text) => ({
      ...line,
      text,
    }))
  })
}

/** A line for a terminal or, with `--json`, as data. Without colours an error is known by its label. */
export function lineText(line: TaskLine, view: RunView, { json }: LogsOptions): string {
  if (json) return JSON.stringify(line)
  const who = view.tasks.length > 1 ? `${line.task}${line.attempt > 1 ? `#${line.attempt}` : ''}` : ''
  const time = new Date(line.at).toISOString().slice(11, 23)
  const red = styleText('red', line.text)
  const text = line.level === 'error' ? red : line.text
  const isShownByColour = line.level === 'error' && red !== line.text
  const level = line.level === 'info' || isShownByColour ? '' : `${line.level} `
  return [styleText('dim', time), who && styleText('cyan', who), `${level}${text}`].filter(Boolean).join(' ')
}
