import type { ClusterStatus, StepSummary } from '@aws-sdk/client-emr'
import type { JobEnd, JobState, JobTimes } from '../../../core/ports/launching.ts'

/* Steps of a cluster as the port of launching knows them. */

/** States of steps that have not ended. */
export const OPEN_STATES = ['PENDING', 'RUNNING', 'CANCEL_PENDING'] as const

/** Where a step stands. Until it runs, it waits for the steps before it: a cluster runs few at once. */
export function toStepState({
  Status: { State, StateChangeReason, FailureDetails, Timeline } = {},
}: StepSummary): JobState {
  const { StartDateTime, EndDateTime, CreationDateTime } = Timeline ?? {}
  const times: JobTimes = StartDateTime === undefined ? {} : { runningAt: StartDateTime.getTime() }
  const end = explainEnd(State, tellReason(StateChangeReason, FailureDetails))
  if (end !== undefined) {
    const endedAt = EndDateTime ?? StartDateTime ?? CreationDateTime ?? new Date(0)
    return { is: 'ended', times: { ...times, endedAt: endedAt.getTime() }, end }
  }
  return { is: State === 'RUNNING' || StartDateTime !== undefined ? 'running' : 'waiting', times }
}

type Status = NonNullable<StepSummary['Status']>

/** EMR tells its reason, the last lines of the program, and where the rest is. */
function tellReason(
  reason: Status['StateChangeReason'],
  { Reason, Message, LogFile }: NonNullable<Status['FailureDetails']> = {},
): string {
  const told = [Reason, Message, reason?.Message].filter((text) => text !== undefined && text !== '')
  const why = told.length === 0 ? 'EMR gave no reason' : [...new Set(told)].join(': ')
  return LogFile ? `${why} (its log: ${LogFile})` : why
}

function explainEnd(state: Status['State'], why: string): JobEnd | undefined {
  switch (state) {
    case 'COMPLETED':
      return { cause: 'succeeded', message: 'its step has completed' }
    case 'FAILED':
      return { cause: 'failed', message: `its step failed: ${why}` }
    case 'CANCELLED':
      return { cause: 'cancelled', message: `its step was cancelled: ${why}` }
    case 'INTERRUPTED':
      return { cause: 'cancelled', message: `its step was interrupted: ${why}` }
    default:
      return undefined
  }
}

/** What became of the open steps of a cluster that has ended; undefined while it can run steps. */
export function explainClusterEnd(
  cluster: string,
  { State, StateChangeReason }: ClusterStatus,
  isOwn: boolean,
): JobEnd | undefined {
  if (State !== 'TERMINATED' && State !== 'TERMINATED_WITH_ERRORS') return undefined
  const why = StateChangeReason?.Message || 'EMR gave no reason'
  // One that was made for a step, and could not run it, would be made again for ever if that used up no retry.
  const cause = isOwn && State === 'TERMINATED_WITH_ERRORS' ? 'failed' : 'lost'
  return { cause, message: `its cluster ${cluster} has ended: ${why}` }
}
