import {
  CancelJobRunCommand,
  type EMRServerlessClient,
  GetJobRunCommand,
  ListJobRunsCommand,
} from '@aws-sdk/client-emr-serverless'
import { splitIntoChunks } from '../../../core/chunks.ts'
import { readErrorName } from '../../../core/errors.ts'
import type { JobState, Launcher } from '../../../core/ports/launching.ts'
import type { JobDetails } from '../../../core/program.ts'
import { type EmrPlaces, type EmrService, makeEmrJobs } from '../jobs.ts'
import { OPEN_STATES, toJobState } from './job-state.ts'
import { startJobRun } from './start-job-run.ts'

/** Most of one page: https://docs.aws.amazon.com/emr-serverless/latest/APIReference/API_ListJobRuns.html */
const PAGE = 50
/** Single look-ups at once. */
const PARALLEL = 5

/** An earlier request under a token was made by a launcher of the same attempt, not long ago. */
const KNOWN_MS = 24 * 60 * 60_000

/** Places are applications; an order's target is the id of one. */
export function makeEmrServerlessLauncher(
  client: EMRServerlessClient,
  places: EmrPlaces,
): Launcher<JobDetails> {
  const jobs = makeEmrJobs(makeService(client), places)
  return {
    ...jobs,
    async launch(order) {
      const answer = await startJobRun(client, places.deployment, order)
      if (answer.is !== 'known') return answer
      const { handover, target } = order
      const handle = await jobs.find({ token: handover.token, target, since: Date.now() - KNOWN_MS })
      return handle === undefined ? { is: 'invalid', message: answer.message } : { is: 'launched', handle }
    },
  }
}

const makeService = (client: EMRServerlessClient): EmrService => ({
  few: 5,
  async list(applicationId, { open, since, cursor }) {
    const { jobRuns = [], nextToken } = await client
      .send(
        new ListJobRunsCommand({
          applicationId,
          maxResults: PAGE,
          ...(open && { states: [...OPEN_STATES] }),
          ...(since === undefined ? {} : { createdAtAfter: new Date(since) }),
          ...(cursor === undefined ? {} : { nextToken: cursor }),
        }),
      )
      .catch(orElse({ jobRuns: [], nextToken: undefined }))
    return {
      jobs: jobRuns.map((run) => ({ id: run.id ?? '', name: run.name, state: toJobState(run) })),
      cursor: nextToken,
    }
  },
  /** Only single look-ups tell what a job run has used, so those that have ended are looked at once more, and once only. */
  async lookAt(applicationId, ids) {
    const states = new Map<string, JobState>()
    for (const some of splitIntoChunks([...ids], PARALLEL))
      await Promise.all(
        some.map(async (jobRunId) => {
          const { jobRun } = await client
            .send(new GetJobRunCommand({ applicationId, jobRunId }))
            .catch(orElse({ jobRun: undefined }))
          if (jobRun !== undefined) states.set(jobRunId, toJobState(jobRun))
        }),
      )
    return states
  },
  async cancel(applicationId, jobRunId) {
    await client.send(new CancelJobRunCommand({ applicationId, jobRunId })).catch((error) => {
      if (!isOver(error)) throw error
    })
  },
})

/** An application or a job run that is gone has nothing. */
const orElse =
  <T>(nothing: T) =>
  (error: unknown): T => {
    if (readErrorName(error) === 'ResourceNotFoundException') return nothing
    throw error
  }

/** Of a job run that has ended, EMR says that the request is not valid in its state. */
const isOver = (error: unknown): boolean =>
  ['ResourceNotFoundException', 'ValidationException', 'ConflictException'].includes(readErrorName(error))
