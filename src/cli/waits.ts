import type { Home } from '../control/home.ts'
import type { RunView } from '../control/inspect.ts'
import { hasEnded } from '../core/model.ts'
import { type Reason, whyWaiting } from '../engine/why.ts'
import { instant } from './render.ts'

const SHOWN = 20

/** A reason with the instant at which it ends by itself. */
export const reasonText = ({ text, until }: Reason) =>
  until === undefined ? text : `${text}, until ${instant(until)} UTC`

/** What the tasks of a run wait for, a line each; tasks that wait only for others of the run are left out. */
export async function waitLines(home: Home, { run, tasks }: RunView): Promise<string[]> {
  const waiting = tasks.filter(
    ({ task }) => !hasEnded(task.status) && task.status !== 'pending' && task.status !== 'expanding',
  )
  const lines = await Promise.all(
    waiting.slice(0, SHOWN).map(async ({ task, planned }) => {
      const reasons = await whyWaiting(home.context, run, task)
      return `${planned.label}: ${reasons.map(reasonText).join('; ')}`
    }),
  )
  return waiting.length > SHOWN ? [...lines, `… and ${waiting.length - SHOWN} more`] : lines
}
