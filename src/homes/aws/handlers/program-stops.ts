import { KEPT } from '../../../core/names.ts'
import type { Ending } from '../../../core/ports/working.ts'
import { isMissingImage } from '../../../core/program.ts'
import type { AttemptOutcome } from '../../../core/records/status.ts'
import type { Context } from '../../../engine/context.ts'
import { endHandedOver } from '../../../engine/take-over.ts'
import { parseHandover } from '../environment.ts'
import type { StoppedContainer } from './job-events.ts'

/*
 * ECS tasks of programs that have stopped. Nearly always the keeper has written the end by then; what is left are tasks that never
 * started, and keepers that were killed. The task itself says which attempt it was launched for.
 */

/** Ends the attempt of a launched program, if it is not over; false if the ECS task is none of a program. */
export async function endLaunchedProgram(context: Context, stopped: StoppedContainer): Promise<boolean> {
  const variables = (stopped.overrides?.containerOverrides ?? []).flatMap(
    ({ environment }) => environment ?? [],
  )
  const handover = parseHandover(variables)
  if (handover === undefined) return false
  await endHandedOver(context, handover, explainStop(stopped))
  return true
}

/** https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html */
const OUTCOMES: { [stopCode: string]: AttemptOutcome } = {
  SpotInterruption: 'interrupted',
  TerminationNotice: 'interrupted',
  UserInitiated: 'interrupted',
  TaskFailedToStart: 'not_started',
}

function explainStop({ stopCode, stoppedReason, containers }: StoppedContainer): Ending {
  const reasons = (containers ?? []).flatMap(({ reason }) => reason ?? [])
  const why = [stoppedReason || stopCode || 'ECS gave no reason', ...reasons].join('; ')
  const outcome = OUTCOMES[stopCode ?? ''] ?? 'lost'
  if (outcome === 'not_started' && why.includes('CannotPullContainer') && isMissingImage(why))
    return { ...makeEnding('failed', `its image cannot be pulled: ${why}`), isFinal: true }
  const keeper = containers?.find(({ name }) => name === KEPT.keeper)
  const code =
    outcome === 'lost' && keeper?.exitCode != null
      ? `; the keeper ended with exit code ${keeper.exitCode}`
      : ''
  return makeEnding(outcome, `its ECS task stopped: ${why}${code}`)
}

const makeEnding = (outcome: AttemptOutcome, message: string): Ending => ({
  outcome,
  failure: { outcome, message },
})
