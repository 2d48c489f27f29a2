import { styleText } from 'node:util'
import Table from 'easy-table'
import prettyMs from 'pretty-ms'
import type { AttemptOutcome, RunStatus, TaskStatus } from '../../core/records/status.ts'

/** A duration for people. */
export const formatDuration = (ms: number) => prettyMs(Math.max(0, ms), { secondsDecimalDigits: 1 })

/** An instant for people, in UTC. */
export const formatInstant = (ms: number) => new Date(ms).toISOString().replace('T', ' ').slice(0, 19)

/** Columns without lines, under a dimmed head. */
export function renderColumns(head: string[], rows: string[][]): string {
  const table = new Table()
  for (const row of [head.map((each) => styleText('dim', each)), ...rows]) {
    row.forEach((cell, index) => {
      table.cell(String(index), cell)
    })
    table.newRow()
  }
  return table.print().trimEnd().replace(/ +$/gm, '')
}

/** A status in its colour, if colours are shown. */
export function renderStatus(status: TaskStatus | RunStatus): string {
  switch (status) {
    case 'succeeded':
    case 'complete':
      return styleText('green', status)
    case 'failed':
    case 'upstream_failed':
      return styleText('red', status)
    case 'running':
    case 'planning':
      return styleText('cyan', status)
    case 'cancelled':
    case 'waiting':
    case 'expanding':
      return styleText('yellow', status)
    case 'pending':
    case 'queued':
      return status
  }
}

/** How an attempt ended, in its colour: what was not the body's fault is no failure. */
export function renderOutcome(outcome: AttemptOutcome | 'upstream_failed'): string {
  switch (outcome) {
    case 'succeeded':
    case 'yielded':
      return styleText('green', outcome)
    case 'failed':
    case 'upstream_failed':
    case 'timed_out':
    case 'out_of_memory':
      return styleText('red', outcome)
    case 'lost':
    case 'interrupted':
    case 'not_started':
    case 'throttled':
    case 'over_budget':
    case 'cancelled':
      return styleText('yellow', outcome)
  }
}

/** Each line with a mark before it. */
export const indentLines = (text: string, mark = '  ') =>
  text
    .split('\n')
    .map((line) => `${mark}${line}`)
    .join('\n')
