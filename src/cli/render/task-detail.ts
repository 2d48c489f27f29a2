import type { TaskShape } from '../../control/control.ts'
import { renderAct } from './actor.ts'
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
  const { startedAt, endedAt, peakMemoryBytes, image, outputs, result, failure } = task
  const end = endedAt ?? unattendedSince ?? Date.now()
  const facts: [string, string | undefined][] = [
    ['status', renderStatus(task.status)],
    ['attempt', startedAt === null ? undefined : String(task.attempt)],
    ['started', formatInstantOrDash(startedAt)],
    ['ended', formatInstantOrDash(endedAt)],
    ['cancel', task.cancelledAt === null ? undefined : renderAct(task.cancelledAt, task.cancelledBy)],
    ['mark', task.markedAt === null ? undefined : renderAct(task.markedAt, task.markedBy)],
    ['took', startedAt === null ? undefined : formatDuration(end - startedAt)],
    ['parts', partsText(task.parts)],
    ['pool', task.pool],
    ['memory', peakMemoryBytes === null ? undefined : megabytes(peakMemoryBytes)],
    ['used', usageText(task.usage)],
    ['image', image ?? undefined],
    ['output', outputs.length === 0 ? undefined : outputs.join('\n')],
    ['result', result === null ? undefined : JSON.stringify(result, null, 2)],
    ['failure', failure?.message],
  ]
  const lines = facts.flatMap(([name, value]) => (value === undefined ? [] : [factText(name, value)]))
  return [task.task, ...lines, ...attemptLines(task.attempts)].join('\n')
}

const PARTS: [part: keyof TaskShape['parts'], name: string][] = [
  ['queuedMs', 'queued'],
  ['limitMs', 'waiting'],
  ['launchMs', 'launch'],
  ['pullMs', 'image'],
  ['startMs', 'start'],
  ['runMs', 'run'],
]

/** How long each known part of the last attempt took. */
function partsText(parts: TaskShape['parts']): string | undefined {
  const known = PARTS.flatMap(([part, name]) => {
    const ms = parts[part]
    return ms === undefined ? [] : [`${name} ${formatDuration(ms)}`]
  })
  return known.length === 0 ? undefined : known.join(', ')
}

const usageText = (usage: TaskShape['usage']) =>
  usage === null
    ? undefined
    : `${round(usage.vcpuHours)} vCPU hours, ${round(usage.memoryGbHours)} GB hours of memory`
const round = (hours: number) => Number(hours.toFixed(3))

const formatInstantOrDash = (instantMs: number | null) =>
  instantMs === null ? undefined : `${formatInstant(instantMs)} UTC`
const megabytes = (bytes: number) => `${Math.ceil(bytes / 1024 / 1024)} MB at most`

/** A value of several lines goes on under its name. */
export function factText(name: string, value: string): string {
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
