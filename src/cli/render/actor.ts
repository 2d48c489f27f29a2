import type { ActorShape, RunShape } from '../../control/control.ts'
import { formatInstant } from './text.ts'

/** Who started a run and who cancelled it, as far as that is known. */
export function renderRunActors({ startedBy, cancelledAt, cancelledBy }: RunShape): string[] {
  return [
    ...(startedBy === null ? [] : [`Started by ${renderActor(startedBy)}.`]),
    ...(cancelledAt === null || cancelledBy === null
      ? []
      : [`Cancelled ${renderAct(cancelledAt, cancelledBy)}.`]),
  ]
}

/** When something was done, and by whom if that is known. */
export const renderAct = (at: number, by: ActorShape | null): string =>
  `${formatInstant(at)} UTC${by === null ? '' : ` by ${renderActor(by)}`}`

function renderActor({ kind, name }: ActorShape): string {
  switch (kind) {
    case 'user':
    case 'identity':
      return name
    case 'schedule':
      return `the schedule of ${name}`
    case 'execution':
      return `the execution ${name}`
  }
}
