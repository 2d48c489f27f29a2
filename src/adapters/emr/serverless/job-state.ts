import type { JobRun, JobRunSummary } from '@aws-sdk/client-emr-serverless'
import type { JobEnd, JobState, JobTimes } from '../../../core/ports/launching.ts'

/* Job runs of EMR Serverless as the port of launching knows them. */

/** A job run as it is listed, or with all that is known of it. */
export type SeenJobRun = Pick<JobRunSummary, 'state' | 'stateDetails' | 'updatedAt'> &
  Partial<Pick<JobRun, 'startedAt' | 'endedAt' | 'billedResourceUtilization' | 'totalResourceUtilization'>>

/** States of job runs that have not ended. */
export const OPEN_STATES = ['SUBMITTED', 'PENDING', 'QUEUED', 'SCHEDULED', 'RUNNING', 'CANCELLING'] as const

/**
 * Where a job run stands: https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/job-states.html. Until it runs, its
 * application has to find a place for it.
 */
export function toJobState(run: SeenJobRun): JobState {
  const times = readTimes(run)
  switch (run.state) {
    case 'SUCCESS':
    case 'FAILED':
    case 'CANCELLED':
      return {
        is: 'ended',
        times: { ...times, endedAt: (run.endedAt ?? run.updatedAt ?? new Date(0)).getTime() },
        end: { ...explainEnd(run), ...readUsage(run) },
      }
    case 'RUNNING':
    case 'CANCELLING':
      return { is: 'running', times }
    default:
      return { is: 'waiting', times }
  }
}

const readTimes = ({ startedAt }: SeenJobRun): JobTimes =>
  startedAt === undefined ? {} : { runningAt: startedAt.getTime() }

function readUsage({
  billedResourceUtilization,
  totalResourceUtilization,
}: SeenJobRun): Pick<JobEnd, 'usage'> {
  const told = billedResourceUtilization ?? totalResourceUtilization
  if (told === undefined) return {}
  const { vCPUHour = 0, memoryGBHour = 0, storageGBHour = 0 } = told
  return { usage: { vcpuHours: vCPUHour, memoryGbHours: memoryGBHour, storageGbHours: storageGBHour } }
}

/** What EMR says of a driver that its application had no place for. The lines of a program that failed come after its exit code. */
const isFull = (details: string) =>
  !/exit ?code/i.test(details) && /exceeded.*(maximumCapacity|quota)|MaxCapacityExceeded/i.test(details)
const isTimeout = (details: string) => /time(d )?out/i.test(details)

function explainEnd({ state, stateDetails = '' }: SeenJobRun): JobEnd {
  const why = stateDetails === '' ? 'EMR gave no reason' : stateDetails
  if (state === 'SUCCESS') return { cause: 'succeeded', message: 'its job run has succeeded' }
  if (state === 'CANCELLED')
    return {
      cause: isTimeout(stateDetails) ? 'timeout' : 'cancelled',
      message: `its job run was cancelled: ${why}`,
    }
  if (isFull(stateDetails)) return { cause: 'no_capacity', message: `its application is full: ${why}` }
  return { cause: 'failed', message: `its job run failed: ${why}` }
}
