import type { ReasonShape, Waits, Why } from '../../control/control.ts'
import { hasTaskEnded } from '../../core/records/status.ts'
import { renderUnattendedLines } from './summary.ts'
import { formatInstant } from './text.ts'

/** A reason with the instant at which it ends by itself. */
export const reasonText = ({ text, until }: ReasonShape) =>
  until === undefined ? text : `${text}, until ${formatInstant(until)} UTC`

/** What the tasks of a run wait for, a line each. */
export function renderWaitLines({ waits, more }: Waits): string[] {
  const lines = waits.map(({ task, reasons }) => `${task}: ${reasons.map(reasonText).join('; ')}`)
  return more > 0 ? [...lines, `… and ${more} more`] : lines
}

/** Why a task does not run now, for people. */
export function renderWhy(why: Why): string {
  const { task, status, waitingSince, reasons } = why
  const since = waitingSince === null ? '' : ` since ${formatInstant(waitingSince)} UTC`
  const unattended = hasTaskEnded(status) ? [] : renderUnattendedLines(why)
  return [
    `${task} is ${status}${since}`,
    ...[...unattended, ...reasons.map(reasonText)].map((line) => `  ${line}`),
  ].join('\n')
}
