import {
  CancelJobRunCommand,
  type EMRServerlessClient,
  GetJobRunCommand,
  type JobRunSummary,
  ListJobRunsCommand,
  type ListJobRunsCommandInput,
} from '@aws-sdk/client-emr-serverless'
import { splitIntoChunks } from '../../core/chunks.ts'
import { readErrorName } from '../../core/errors.ts'
import { parseJobName } from '../../core/job-name.ts'
import type { JobNews, JobState, Launcher, OpenJob } from '../../core/ports/launching.ts'
import type { JobDetails } from '../../core/program.ts'
import { OPEN_STATES, toJobState } from './job-state.ts'
import { makeJobRunHandle, startJobRun } from './start-job-run.ts'

/** Most of one page: https://docs.aws.amazon.com/emr-serverless/latest/APIReference/API_ListJobRuns.html */
const PAGE = 50
/** So many are looked at singly before listing all that are open costs less. */
const FEW = 5
/** Single look-ups at once. */
const PARALLEL = 5
/** The clocks of the engine and of EMR. */
const SKEW_MS = 5 * 60_000

/** An earlier request under a token was made by a launcher of the same attempt, not long ago. */
const KNOWN_MS = 24 * 60 * 60_000

/** What a launcher of job runs has to know. */
export interface JobRunsPlace {
  /** Names the deployment: applications may be used by others too. */
  deployment: string
  /** Ids of the applications, whose open job runs are listed. */
  applications: readonly string[]
}

/** Handles are `APPLICATION/JOB_RUN`; an order's target is the id of an application. */
export function makeEmrServerlessLauncher(
  client: EMRServerlessClient,
  { deployment, applications }: JobRunsPlace,
): Launcher<JobDetails> {
  const listPage = (query: ListJobRunsCommandInput) =>
    client
      .send(new ListJobRunsCommand({ maxResults: PAGE, ...query }))
      .catch(orElse({ jobRuns: [], nextToken: undefined }))

  async function* listAll(query: ListJobRunsCommandInput): AsyncGenerator<JobRunSummary> {
    let nextToken: string | undefined
    do {
      const page = await listPage({ ...query, ...(nextToken === undefined ? {} : { nextToken }) })
      yield* page.jobRuns ?? []
      nextToken = page.nextToken
    } while (nextToken !== undefined)
  }

  const find: Launcher<JobDetails>['find'] = async ({ token, target, since }) => {
    const createdAtAfter = new Date(Math.max(0, since - SKEW_MS))
    for await (const run of listAll({ applicationId: target, createdAtAfter }))
      if (parseJobName(deployment, run.name)?.token === token) return makeHandle(run)
    return undefined
  }

  /** Only single look-ups tell what a job run has used, so those that have ended are looked at once more, and once only. */
  async function lookSingly(handles: string[], states: Map<string, JobState>): Promise<void> {
    for (const some of splitIntoChunks(handles, PARALLEL))
      await Promise.all(
        some.map(async (handle) => {
          const { jobRun } = await client
            .send(new GetJobRunCommand(parseHandle(handle)))
            .catch(orElse({ jobRun: undefined }))
          if (jobRun !== undefined) states.set(handle, toJobState(jobRun))
        }),
      )
  }

  return {
    async launch(order) {
      const answer = await startJobRun(client, deployment, order)
      if (answer.is !== 'known') return answer
      const { handover, target } = order
      const handle = await find({ token: handover.token, target, since: Date.now() - KNOWN_MS })
      return handle === undefined ? { is: 'invalid', message: answer.message } : { is: 'launched', handle }
    },
    maxLook: 10_000,
    async look(handles) {
      const states = new Map<string, JobState>()
      const byApplication = Map.groupBy(handles, (handle) => parseHandle(handle).applicationId)
      for (const [applicationId, all] of byApplication) {
        const wanted = new Set(all)
        if (all.length > FEW)
          for await (const run of listAll({ applicationId, states: [...OPEN_STATES] }))
            if (wanted.has(makeHandle(run))) states.set(makeHandle(run), toJobState(run))
        await lookSingly(
          all.filter((handle) => !states.has(handle)),
          states,
        )
      }
      return handles.map((handle) => states.get(handle))
    },
    find,
    async stop(handle) {
      await client.send(new CancelJobRunCommand(parseHandle(handle))).catch((error) => {
        if (!isOver(error)) throw error
      })
    },
    async list(cursor = '0/') {
      const [place = '0', nextToken = ''] = splitOnce(cursor)
      const index = Number(place)
      const applicationId = applications[index]
      if (applicationId === undefined) return { jobs: [] }
      const page = await listPage({
        applicationId,
        states: [...OPEN_STATES],
        ...(nextToken === '' ? {} : { nextToken }),
      })
      const jobs = (page.jobRuns ?? []).map((run): OpenJob => {
        const handover = parseJobName(deployment, run.name)
        return { handle: makeHandle(run), ...(handover === undefined ? {} : { handover }) }
      })
      if (page.nextToken !== undefined) return { jobs, cursor: `${index}/${page.nextToken}` }
      return { jobs, ...(index + 1 < applications.length ? { cursor: `${index + 1}/` } : {}) }
    },
  }
}

/** What the event of a job run tells. */
export interface ChangedJobRun {
  applicationId: string
  jobRunId: string
  jobRunName?: string | null | undefined
}

/**
 * The state of a job run of which an event has come. Events come late and in any order, and none tells what a job run has used, so
 * the job run is looked at. Undefined for a job run that is none of the deployment.
 */
export async function readJobRunNews(
  launcher: Pick<Launcher<JobDetails>, 'look'>,
  deployment: string,
  { applicationId, jobRunId, jobRunName }: ChangedJobRun,
): Promise<JobNews | undefined> {
  const handover = parseJobName(deployment, jobRunName)
  if (handover === undefined) return undefined
  const handle = makeJobRunHandle(applicationId, jobRunId)
  const [state] = await launcher.look([handle])
  return state && { handle, handover, state }
}

const makeHandle = ({ applicationId = '', id = '' }: JobRunSummary) => makeJobRunHandle(applicationId, id)

function parseHandle(handle: string): { applicationId: string; jobRunId: string } {
  const [applicationId = '', jobRunId = ''] = splitOnce(handle)
  return { applicationId, jobRunId }
}

const splitOnce = (text: string) => [text.slice(0, text.indexOf('/')), text.slice(text.indexOf('/') + 1)]

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
