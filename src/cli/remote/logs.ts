import { setTimeout as sleep } from 'node:timers/promises'
import { findRun, type RunView, type TaskView, viewRun } from '../../control/inspect.ts'
import { isOpen } from '../../core/model.ts'
import type { LinesPage } from '../../core/ports.ts'
import { type LogsOptions, lineText, type TaskLine, tellNoLines, wantedTasks, withEnds } from '../log-line.ts'
import { outputUnread } from '../output.ts'
import { type Connection, connect } from './connect.ts'

const FOLLOW_MS = 2_000
/** Lines reach CloudWatch late, and from several hosts: this far back they are looked at again. */
const LATE_MS = 30_000

/** Prints lines of a deployment's run, or of one of its tasks, from CloudWatch. */
export async function printRemoteLogs(
  wanted: string,
  task: string | undefined,
  options: LogsOptions,
  print: (line: string) => void,
): Promise<void> {
  const connection = await connect(options)
  const { home } = connection
  let view = await viewRun(home, await findRun(home, wanted))
  const seen = new Set<string>()
  let from = view.run.createdAt
  for (let isFirst = true; ; isFirst = false) {
    const isLast = !options.follow || !isOpen(view.run.status)
    const lines = (await linesOf(connection, view, task, options, from)).filter((line) => isNew(seen, line))
    const shown = isFirst && options.tail !== undefined ? lines.slice(-options.tail) : lines
    for (const line of shown) print(lineText(line, view, options))
    if (isFirst && shown.length === 0) tellNoLines(view, task, options)
    if (isLast || outputUnread.aborted) return
    from = Math.max(from, Date.now() - LATE_MS)
    await sleep(FOLLOW_MS)
    view = await viewRun(home, await findRun(home, view.run.id))
  }
}

function isNew(seen: Set<string>, line: TaskLine): boolean {
  const key = JSON.stringify([line.number, line.attempt, line.at, line.text])
  if (seen.has(key)) return false
  seen.add(key)
  return true
}

/** Lines of one task by its streams, of a whole run by its pools. */
async function linesOf(
  connection: Connection,
  view: RunView,
  name: string | undefined,
  options: LogsOptions,
  from: number,
): Promise<TaskLine[]> {
  const begun = wantedTasks(view, name, options).filter(
    ({ task }) => task.startedAt !== undefined || task.attempt > 1,
  )
  const labels = new Map(begun.map(({ task, planned }) => [task.number, planned.label]))
  const pools =
    name === undefined ? poolsOf(begun) : begun.map(({ task }) => ({ pool: task.pool, number: task.number }))
  const lines: TaskLine[] = []
  for (const query of pools)
    for (const line of await allPages(connection, {
      ...query,
      run: view.run.id,
      attempt: options.attempt,
      from,
    }))
      lines.push({ ...line, task: labels.get(line.number) ?? String(line.number) })
  return withEnds(lines, begun, options)
}

const poolsOf = (tasks: TaskView[]): { pool: string; number?: number }[] =>
  [...new Set(tasks.map(({ task }) => task.pool))].map((pool) => ({ pool }))

async function allPages({ api }: Connection, query: object): Promise<LinesPage['lines']> {
  const lines: LinesPage['lines'] = []
  let after: string | undefined
  do {
    const page: LinesPage = await api.post('/logs', { ...query, ...(after === undefined ? {} : { after }) })
    lines.push(...page.lines)
    after = page.next
  } while (after !== undefined)
  return lines
}
