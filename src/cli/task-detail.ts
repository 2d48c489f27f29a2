import type { TaskView } from '../control/inspect.ts'
import type { Json } from '../core/model.ts'
import { columns, indented, instant, outcomeText, statusText, took } from './render.ts'

/** Everything about one task of a run, for people. */
export function taskDetail(
  { task, planned, attempts }: TaskView,
  result: Json | undefined,
  unattendedSince: number | undefined,
): string {
  const end = task.endedAt ?? unattendedSince ?? Date.now()
  const facts: [string, string | undefined][] = [
    ['status', statusText(task.status)],
    ['attempt', task.startedAt === undefined ? undefined : String(task.attempt)],
    ['started', at(task.startedAt)],
    ['ended', at(task.endedAt)],
    ['took', task.startedAt === undefined ? undefined : took(end - task.startedAt)],
    ['pool', task.pool],
    ['memory', task.peakMemoryBytes === undefined ? undefined : megabytes(task.peakMemoryBytes)],
    ['output', planned.outputs.length === 0 ? undefined : planned.outputs.join('\n')],
    ['result', result === undefined ? undefined : JSON.stringify(result, null, 2)],
    ['failure', task.failure?.message],
  ]
  const lines = facts.flatMap(([name, value]) => (value === undefined ? [] : [factText(name, value)]))
  return [planned.label, ...lines, ...attemptLines(attempts)].join('\n')
}

const at = (instantMs: number | undefined) =>
  instantMs === undefined ? undefined : `${instant(instantMs)} UTC`

const megabytes = (bytes: number) => `${Math.ceil(bytes / 1024 / 1024)} MB at most`

/** A value of several lines goes on under its name. */
function factText(name: string, value: string): string {
  return value.includes('\n') ? `  ${name}\n${indented(value, '    ')}` : `  ${name.padEnd(8)} ${value}`
}

function attemptLines(attempts: TaskView['attempts']): string[] {
  if (attempts.length === 0) return []
  const rows = attempts.map(({ attempt, outcome, startedAt, endedAt, failure }) => [
    String(attempt),
    outcomeText(outcome),
    instant(endedAt),
    startedAt === undefined ? '' : took(endedAt - startedAt),
    failure?.message ?? '',
  ])
  return ['', columns(['attempt', 'outcome', 'ended (UTC)', 'took', ''], rows)]
}
