import type { ReasonShape, Waits, Why } from '../../control/control.ts'
import { hasTaskEnded } from '../../core/records/status.ts'
import { unattendedLines } from './summary.ts'
import { instant } from './text.ts'

/** A reason with the instant at which it ends by itself. */
const reasonText = ({ text, until }: ReasonShape) =>
  until === undefined ? text : `${text}, until ${instant(until)} UTC`

/** What the tasks of a run wait for, a line each. */
export function waitLines({ waits, more }: Waits): string[] {
  const lines = waits.map(({ task, reasons }) => `${task}: ${reasons.map(reasonText).join('; ')}`)
  return more > 0 ? [...lines, `… and ${more} more`] : lines
}

/** Why a task does not run now, for people. */
export function whyText(why: Why): string {
  const { task, status, waitingSince, reasons } = why
  const since = waitingSince === null ? '' : ` since ${instant(waitingSince)} UTC`
  const unattended = hasTaskEnded(status) ? [] : unattendedLines(why)
  return [
    `${task} is ${status}${since}`,
    ...[...unattended, ...reasons.map(reasonText)].map((line) => `  ${line}`),
  ].join('\n')
}
