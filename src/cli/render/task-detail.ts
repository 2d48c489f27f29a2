import type { TaskShape } from '../../control/control.ts'
import { columns, indented, instant, outcomeText, statusText, took } from './text.ts'

/** Everything about one task of a run, for people. */
export function taskDetail(task: TaskShape, unattendedSince: number | null): string {
  const { startedAt, endedAt, peakMemoryBytes, outputs, result, failure } = task
  const end = endedAt ?? unattendedSince ?? Date.now()
  const facts: [string, string | undefined][] = [
    ['status', statusText(task.status)],
    ['attempt', startedAt === null ? undefined : String(task.attempt)],
    ['started', at(startedAt)],
    ['ended', at(endedAt)],
    ['took', startedAt === null ? undefined : took(end - startedAt)],
    ['pool', task.pool],
    ['memory', peakMemoryBytes === null ? undefined : megabytes(peakMemoryBytes)],
    ['output', outputs.length === 0 ? undefined : outputs.join('\n')],
    ['result', result === null ? undefined : JSON.stringify(result, null, 2)],
    ['failure', failure?.message],
  ]
  const lines = facts.flatMap(([name, value]) => (value === undefined ? [] : [factText(name, value)]))
  return [task.task, ...lines, ...attemptLines(task.attempts)].join('\n')
}

const at = (instantMs: number | null) => (instantMs === null ? undefined : `${instant(instantMs)} UTC`)
const megabytes = (bytes: number) => `${Math.ceil(bytes / 1024 / 1024)} MB at most`

/** A value of several lines goes on under its name. */
function factText(name: string, value: string): string {
  return value.includes('\n') ? `  ${name}\n${indented(value, '    ')}` : `  ${name.padEnd(8)} ${value}`
}

function attemptLines(attempts: TaskShape['attempts']): string[] {
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
