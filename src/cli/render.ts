import { styleText } from 'node:util'
import Table from 'cli-table3'
import prettyMs from 'pretty-ms'
import type { RunStatus, TaskStatus } from '../core/model.ts'

/** A duration for people. */
export const took = (ms: number) => prettyMs(Math.max(0, ms), { secondsDecimalDigits: 1 })

/** An instant for people, in UTC. */
export const instant = (ms: number) => new Date(ms).toISOString().replace('T', ' ').slice(0, 19)

/** Columns without lines; the last one is not padded. */
export function columns(head: string[], rows: string[][]): string {
  const table = new Table({
    head: head.map((each) => styleText('dim', each)),
    chars: {
      top: '',
      'top-mid': '',
      'top-left': '',
      'top-right': '',
      bottom: '',
      'bottom-mid': '',
      'bottom-left': '',
      'bottom-right': '',
      left: '',
      'left-mid': '',
      mid: '',
      'mid-mid': '',
      right: '',
      'right-mid': '',
      middle: '  ',
    },
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [] },
  })
  table.push(...rows)
  return table.toString().replace(/[ ]+$/gm, '')
}

/** A status in its colour, where colours are shown. */
export function statusText(status: TaskStatus | RunStatus): string {
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
      return styleText('yellow', status)
    case 'pending':
    case 'queued':
      return status
  }
}

/** Each line with a mark before it. */
export const indented = (text: string, mark = '  ') =>
  text
    .split('\n')
    .map((line) => `${mark}${line}`)
    .join('\n')
