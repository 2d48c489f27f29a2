import type { RunDetail, RunShape, TaskShape } from '../../control/control.ts'
import { formatDuration, formatInstant, indentLines, renderStatus } from './text.ts'

const LOG_LINES = 20
const LISTED = 50

/** A run, the tasks of it that failed, and those that did not run because of it. */
export interface Summary {
  run: RunDetail
  failed: TaskShape[]
  blocked: TaskShape[]
}

/** How a run stands or ended, for people: what failed and why, what did not run because of it, how to go on; `place` is the flag of commands that go to the same place. */
export function renderSummary(summary: Summary, place = ''): string {
  const { run } = summary
  const after = formatDuration((run.endedAt ?? run.unattendedSince ?? Date.now()) - run.createdAt)
  const parts = Object.entries(run.counts).map(([status, count]) => `${count} ${status}`)
  const head = `${run.run} ${renderStatus(run.status)} after ${after}: ${parts.join(', ')}`
  return [
    head,
    ...renderUnattendedLines(run),
    ...outputLines(run),
    ...renderFailureLines(summary, place),
  ].join('\n')
}

/** That no process works on an open run, since when, and how to go on. */
export function renderUnattendedLines({
  run,
  unattendedSince: since,
}: Pick<RunShape, 'run' | 'unattendedSince'>): string[] {
  if (since === null) return []
  return [
    `No process works on it since ${formatInstant(since)} UTC (${formatDuration(Date.now() - since)} ago).`,
    `Go on with the same command or sluice retry ${run}, or leave it to sluice dev.`,
  ]
}

const outputLines = ({ status, outputs }: RunDetail): string[] =>
  status === 'succeeded' ? outputs.map((uri) => `  → ${uri}`) : []

/** What failed and why, what did not run because of it, and how to go on; nothing if nothing failed. */
export function renderFailureLines({ run, failed, blocked }: Summary, place = ''): string[] {
  if (run.failure !== null) return [`  ${run.failure.message}`]
  if (failed.length === 0) return []
  return [
    '',
    'Failed:',
    ...failed.slice(0, LISTED).map(failureText),
    ...renderRest(failed),
    ...(blocked.length === 0 ? [] : ['', 'Did not run because of it:']),
    ...blocked.slice(0, LISTED).map(({ task }) => `  ${task}`),
    ...renderRest(blocked),
    '',
    `Go on, once the cause is removed: sluice retry ${run.run}${place}`,
  ]
}

const renderRest = (list: unknown[]) => (list.length > LISTED ? [`  … and ${list.length - LISTED} more`] : [])

function failureText(view: TaskShape): string {
  const { task, failure, attempts } = view
  const tries = attempts.length > 1 ? ` (${attempts.length} attempts)` : ''
  const tail = attempts.at(-1)?.tail?.split('\n').slice(-LOG_LINES).join('\n')
  const outcome = failure?.outcome ?? 'failed'
  return [
    `  ${task}: ${failure?.message ?? 'no cause is known'}${tries}${outcome === 'failed' ? '' : ` [${outcome}]`}`,
    ...(tail ? [indentLines(tail, '    | ')] : []),
    ...stackLines(findStack(view)),
  ].join('\n')
}

/** Where Sluice's own files are. */
const OWN = new URL('../..', import.meta.url).href
/** Node, packages, and the bundle of a child. */
const NOT_OWN = /node:|node_modules|\/children\/[0-9a-f]{16}\//

/** The last attempt's stack, or that of planning. */
const findStack = ({ attempts, failure }: TaskShape) => attempts.at(-1)?.failure?.stack ?? failure?.stack

/** The first line of the stack that is the user's own, and each cause with its own. */
function stackLines(stack = ''): string[] {
  const lines = stack.split('\n')
  const causes = lines.findIndex((line) => line.startsWith('Caused by: '))
  const frames = causes === -1 ? lines : lines.slice(0, causes)
  const own = frames.find((each) => /^\s+at /.test(each) && !NOT_OWN.test(each) && !each.includes(OWN))
  return [
    ...(own === undefined ? [] : [`    ${own.trim()}`]),
    ...(causes === -1 ? [] : lines.slice(causes).map((line) => `    ${line}`)),
  ]
}

/** The same for `--json`. */
export function makeSummaryData({ run, failed, blocked }: Summary) {
  const { run: id, name, params, status, createdAt, endedAt, unattendedSince, counts, failure } = run
  const { startedBy, cancelledAt, cancelledBy } = run
  return {
    run: id,
    name,
    params,
    status,
    createdAt,
    endedAt,
    startedBy,
    cancelledAt,
    cancelledBy,
    unattendedSince,
    counts,
    failure,
    failed: failed.map((each) => ({
      task: each.task,
      number: each.number,
      ...each.failure,
      stack: findStack(each) ?? null,
    })),
    notRun: blocked.map(({ task }) => task),
  }
}
