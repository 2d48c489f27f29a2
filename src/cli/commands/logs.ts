import type { Home } from '../../control/home.ts'
import { findRun, type RunView, viewRun } from '../../control/inspect.ts'
import { isOpen } from '../../core/model.ts'
import type { AttemptName } from '../../core/ports.ts'
import { homeWithRuns } from '../homes.ts'
import { type LogsOptions, lineText, type TaskLine, tellNoLines, wantedTasks, withEnds } from '../log-line.ts'
import { outputUnread } from '../output.ts'

const FOLLOW_MS = 300

/** Prints the lines of a run or of one of its tasks, in order of time; with `--follow` until the run has ended. */
export async function printLogs(
  wanted: string,
  task: string | undefined,
  options: LogsOptions,
  print: (line: string) => void,
): Promise<void> {
  if (options.env !== undefined) {
    const { printRemoteLogs } = await import('../remote/logs.ts')
    return printRemoteLogs(wanted, task, options, print)
  }
  const home = await homeWithRuns(options)
  try {
    const seen: Seen = { offsets: new Map(), ends: new Set() }
    let view = await viewRun(home, await findRun(home, wanted))
    const lines = await newLines(home, view, task, options, seen)
    const shown = options.tail === undefined ? lines : lines.slice(-options.tail)
    for (const line of shown) print(lineText(line, view, options))
    if (shown.length === 0) tellNoLines(view, task, options)
    while (options.follow && isOpen(view.run.status) && !outputUnread.aborted) {
      await home.context.ports.clock.sleep(FOLLOW_MS)
      view = await viewRun(home, await findRun(home, view.run.id))
      for (const line of await newLines(home, view, task, options, seen)) print(lineText(line, view, options))
    }
  } finally {
    await home.close()
  }
}

/** What was printed: up to where each log, and the ends of which attempts. */
interface Seen {
  offsets: Map<string, number>
  ends: Set<string>
}

/** Lines that were not read before, of every attempt that is asked for; the error that ended it is its last one. */
async function newLines(
  home: Home,
  view: RunView,
  task: string | undefined,
  options: LogsOptions,
  { offsets, ends }: Seen,
): Promise<TaskLine[]> {
  const tasks = wantedTasks(view, task, options)
  const labels = new Map(tasks.map(({ task, planned }) => [task.number, planned.label]))
  const attempts = (await home.logs.list(view.run.id)).filter(
    ({ number, attempt }) =>
      labels.has(number) && (options.attempt === undefined || attempt === options.attempt),
  )
  const lines: TaskLine[] = []
  for (const attempt of attempts)
    for (const line of await readAll(home, attempt, labels, offsets)) lines.push(line)
  const written = new Set(lines)
  return withEnds(lines, tasks, options).filter((line) => written.has(line) || isNew(ends, line))
}

function isNew(ends: Set<string>, { number, attempt, text }: TaskLine): boolean {
  const key = `${number}.${attempt} ${text}`
  if (ends.has(key)) return false
  ends.add(key)
  return true
}

async function readAll(
  home: Home,
  name: AttemptName,
  labels: Map<number, string>,
  offsets: Map<string, number>,
): Promise<TaskLine[]> {
  const { number, attempt } = name
  const key = `${number}.${attempt}`
  const read: TaskLine[] = []
  for (;;) {
    const { lines, next } = await home.logs.read(name, offsets.get(key) ?? 0)
    offsets.set(key, next)
    if (lines.length === 0) return read
    for (const line of lines)
      read.push({ ...line, task: labels.get(number) ?? String(number), number, attempt })
  }
}
