import type { RunView, TaskView } from '../control/inspect.ts'
import { indented, instant, statusText, took } from './render.ts'

const LOG_LINES = 20
const LISTED = 50

/** How a run stands or ended, for people: what failed and why, what did not run because of it, how to go on; `env` where it is of a deployment. */
export function summaryText(view: RunView, env?: string): string {
  const { run, counts } = view
  const after = took((run.endedAt ?? view.unattendedSince ?? Date.now()) - run.createdAt)
  const parts = Object.entries(counts).map(([status, count]) => `${count} ${status}`)
  const head = `${run.id} ${statusText(run.status)} after ${after}: ${parts.join(', ')}`
  return [head, ...unattendedLines(view), ...outputLines(view), ...failureLines(view, env)].join('\n')
}

/** That no process works on an open run, since when, and how to go on. */
export function unattendedLines({ run, unattendedSince: since }: RunView): string[] {
  if (since === undefined) return []
  return [
    `No process works on it since ${instant(since)} UTC (${took(Date.now() - since)} ago).`,
    `Go on with the same command or sluice retry ${run.id}, or leave it to sluice dev.`,
  ]
}

function outputLines({ run, tasks }: RunView): string[] {
  if (run.status !== 'succeeded') return []
  return (tasks[0]?.planned.outputs ?? []).map((uri) => `  → ${uri}`)
}

/** What failed and why, what did not run because of it, and how to go on; nothing where nothing failed. */
export function failureLines({ run, tasks }: RunView, env?: string): string[] {
  const failed = tasks.filter(({ task }) => task.status === 'failed')
  const blocked = tasks.filter(({ task }) => task.status === 'upstream_failed')
  if (run.failure !== undefined) return [`  ${run.failure.message}`]
  if (failed.length === 0) return []
  return [
    '',
    'Failed:',
    ...failed.slice(0, LISTED).map(failureText),
    ...more(failed),
    ...(blocked.length === 0 ? [] : ['', 'Did not run because of it:']),
    ...blocked.slice(0, LISTED).map(({ planned }) => `  ${planned.label}`),
    ...more(blocked),
    '',
    `Go on, once the cause is removed: sluice retry ${run.id}${env === undefined ? '' : ` --env ${env}`}`,
  ]
}

const more = (list: unknown[]) => (list.length > LISTED ? [`  … and ${list.length - LISTED} more`] : [])

function failureText({ task, planned, attempts }: TaskView): string {
  const tries = attempts.length > 1 ? ` (${attempts.length} attempts)` : ''
  const tail = attempts.at(-1)?.tail?.split('\n').slice(-LOG_LINES).join('\n')
  const outcome = task.failure?.outcome ?? 'failed'
  return [
    `  ${planned.label}: ${task.failure?.message ?? 'no cause is known'}${tries}${outcome === 'failed' ? '' : ` [${outcome}]`}`,
    ...(tail ? [indented(tail, '    | ')] : []),
    ...stackLines(stackOf({ task, planned, attempts })),
  ].join('\n')
}

/** Where Sluice's own files are. */
const OWN = new URL('..', import.meta.url).href
/** Node, packages, and the bundle of a child. */
const NOT_OWN = /node:|node_modules|\/children\/[0-9a-f]{16}\//

/** The last attempt's stack, or that of planning. */
const stackOf = ({ planned, attempts }: TaskView) => attempts.at(-1)?.failure?.stack ?? planned.failure?.stack

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
export function summaryData({ run, tasks, counts, unattendedSince }: RunView) {
  return {
    run: run.id,
    name: run.name,
    params: run.params,
    status: run.status,
    createdAt: run.createdAt,
    endedAt: run.endedAt ?? null,
    unattendedSince: unattendedSince ?? null,
    counts,
    failure: run.failure ?? null,
    failed: tasks
      .filter(({ task }) => task.status === 'failed')
      .map((each) => ({
        task: each.planned.label,
        number: each.task.number,
        ...each.task.failure,
        stack: stackOf(each) ?? null,
      })),
    notRun: tasks.filter(({ task }) => task.status === 'upstream_failed').map(({ planned }) => planned.label),
  }
}
