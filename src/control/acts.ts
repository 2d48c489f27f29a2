import { cancelRun } from '../engine/cancel.ts'
import { markSucceeded } from '../engine/mark.ts'
import { pauseSchedule } from '../engine/schedules.ts'
import { planningOf } from '../planning/planning.ts'
import type { Acts, ControlParts } from './parts.ts'

const HERE: Acts = {
  cancelRun,
  markSucceeded,
  pauseSchedule,
  areComplete: (home, asked) =>
    planningOf(home.surroundings).areComplete(asked.flatMap(({ root }) => root ?? [])),
}

/** Who changes records and looks at targets for a control. */
export const actsOf = ({ acts = HERE }: ControlParts): Acts => acts
