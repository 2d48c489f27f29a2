import type { TaskShape } from '../../control/control.ts'
import {
  formatDuration,
  formatInstant,
  indentLines,
  renderColumns,
  renderOutcome,
  renderStatus,
} from './text.ts'

/** Everything about one task of a run, for people. */
export function renderTaskDetail(task: TaskShape, unattendedSince: number | null): string {
  const { startedAt, endedAt, peakMemoryBytes, image, launch, outputs, result, failure } = task
  const end = endedAt ?? unattendedSince ?? Date.now()
  const facts: [string, string | undefined][] = [
    ['status', renderStatus(task.status)],
    ['attempt', startedAt === null ? undefined : String(task.attempt)],
    ['started', formatInstantOrDash(startedAt)],
    ['ended', formatInstantOrDash(endedAt)],
    ['took', startedAt === null ? undefined : formatDuration(end - startedAt)],
    ['pool', task.pool],
    ['memory', peakMemoryBytes === null ? undefined : megabytes(peakMemoryBytes)],
    ['image', image ?? undefined],
    ['launch', launch === null ? undefined : launchText(launch)],
    ['output', outputs.length === 0 ? undefined : outputs.join('\n')],
    ['result', result === null ? undefined : JSON.stringify(result, null, 2)],
    ['failure', failure?.message],
  ]
  const lines = facts.flatMap(([name, value]) => (value === undefined ? [] : [factText(name, value)]))
  return [task.task, ...lines, ...attemptLines(task.attempts)].join('\n')
}

/** The parts of the time before a program could begin, each until the next that is known. The service has a clock of its own. */
function launchText(launch: TaskShape['launch'] & object): string {
  const parts: [string, number | undefined][] = [
    ['accepted after', launch.claimedAt],
    ['queued for', launch.launchedAt],
    ['image pulled in', launch.pullingAt],
    ['started in', launch.startingAt],
    ['', launch.runningAt],
  ]
  const known = parts.flatMap(([name, at]) => (at === undefined ? [] : [{ name, at }]))
  return known
    .slice(1)
    .map(
      ({ at }, index) =>
        `${known[index]?.name} ${formatDuration(Math.max(0, at - (known[index]?.at ?? at)))}`,
    )
    .join(', ')
}

const formatInstantOrDash = (instantMs: number | null) =>
  instantMs === null ? undefined : `${formatInstant(instantMs)} UTC`
const megabytes = (bytes: number) => `${Math.ceil(bytes / 1024 / 1024)} MB at most`

/** A value of several lines goes on under its name. */
function factText(name: string, value: string): string {
  return value.includes('\n') ? `  ${name}\n${indentLines(value, '    ')}` : `  ${name.padEnd(8)} ${value}`
}

function attemptLines(attempts: TaskShape['attempts']): string[] {
  if (attempts.length === 0) return []
  const rows = attempts.map(({ attempt, outcome, startedAt, endedAt, failure }) => [
    String(attempt),
    renderOutcome(outcome),
    formatInstant(endedAt),
    startedAt === undefined ? '' : formatDuration(endedAt - startedAt),
    failure?.message ?? '',
  ])
  return ['', renderColumns(['attempt', 'outcome', 'ended (UTC)', 'took', ''], rows)]
}
