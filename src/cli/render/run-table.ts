import type { RunPage, RunShape } from '../../control/control.ts'
import { formatTaskLabel } from '../../core/identity.ts'
import { formatDuration, formatInstant, renderColumns, renderStatus } from './text.ts'

/** Runs of a list, a row each. */
export function renderRunTable({ all, found, runs }: RunPage): string {
  if (all === 0) return 'No runs yet. Start one: sluice run NAME'
  if (found === 0) return `None of ${all} runs is like that. sluice runs lists them.`
  const table = renderColumns(['run', 'for', 'status', 'started (UTC)', 'took', ''], runs.map(runRow))
  const left = found - runs.length
  return left === 0 ? table : `${table}\n… and ${left} more: --limit ${found}`
}

function runRow(run: RunShape): string[] {
  const { status, createdAt, endedAt, unattendedSince } = run
  return [
    run.run,
    renderSubject(run),
    renderStatus(status),
    formatInstant(createdAt),
    formatDuration((endedAt ?? unattendedSince ?? Date.now()) - createdAt),
    unattendedSince === null ? '' : `no process works on it since ${formatInstant(unattendedSince)} UTC`,
  ]
}

/** What a run is for: its interval first, then its parameters. */
function renderSubject({ interval, params, forced }: RunShape): string {
  const shown = formatTaskLabel('', params).slice(1, -1)
  return [interval && intervalText(interval), shown, forced && `forced ${forced}`].filter(Boolean).join(' ')
}

const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000

/** An interval in UTC, as short as it can be told: `2026-05-17`, `2026-05-17T10`, or from and to. */
function intervalText({ start, end }: { start: number; end: number }): string {
  const iso = new Date(start).toISOString()
  if (start % DAY_MS === 0 && end - start === DAY_MS) return iso.slice(0, 10)
  if (start % HOUR_MS === 0 && end - start === HOUR_MS) return iso.slice(0, 13)
  return `${iso.slice(0, 16)}–${new Date(end).toISOString().slice(end - start < DAY_MS ? 11 : 0, 16)}`
}
