import type { TestContext } from 'node:test'
import { MOST, refuse, ServedApi, type ServedRequest } from './served-api.ts'

/** A job run as the server has it, with the names of EMR's own API. */
export interface ServedJobRun {
  applicationId: string
  jobRunId: string
  clientToken: string
  name?: string
  executionRole: string
  state: string
  stateDetails: string
  createdAt: number
  updatedAt: number
  startedAt?: number
  endedAt?: number
  /** What it was started with. */
  request: { [name: string]: unknown }
  isCancelAsked: boolean
  billedResourceUtilization?: object
}

/**
 * Speaks the API of EMR Serverless by its wire shapes and runs nothing: the test says how job runs go on. Its shapes are compared with
 * those of moto by `npm run test:emr`.
 */
export class EmrServerlessServer extends ServedApi {
  readonly runs: ServedJobRun[] = []
  /** Ids of the applications that are there, with their states. */
  readonly applications = new Map<string, string>()
  protected readonly contentType = 'application/json'

  static start(test: Pick<TestContext, 'after'>): Promise<EmrServerlessServer> {
    return new EmrServerlessServer().listen(test)
  }

  /** A job run goes on to another state. */
  move(jobRunId: string, state: string, stateDetails = ''): void {
    const run = this.runs.find((each) => each.jobRunId === jobRunId)
    if (run === undefined) throw new Error(`there is no job run ${jobRunId}`)
    const now = this.now() / 1_000
    Object.assign(run, { state, stateDetails, updatedAt: now })
    if (state === 'RUNNING') run.startedAt ??= now
    if (!ENDED.includes(state)) return
    run.endedAt = now
    run.billedResourceUtilization = { vCPUHour: 0.5, memoryGBHour: 2, storageGBHour: 0.25 }
  }

  protected nameOperation({ method, url }: ServedRequest): string {
    const { jobRunId } = parsePath(url)
    return OPERATIONS[`${method} ${jobRunId === undefined ? 'all' : 'one'}`] ?? url.pathname
  }

  protected perform(operation: string, { url, body }: ServedRequest): object {
    const { applicationId, jobRunId } = parsePath(url)
    if (!this.applications.has(applicationId))
      throw refuse('ResourceNotFoundException', `Application ${applicationId} does not exist`, 404)
    if (operation === 'StartJobRun') return this.#startRun(applicationId, JSON.parse(body))
    if (operation === 'ListJobRuns') return this.#list(applicationId, url.searchParams)
    const run = this.runs.find((each) => each.applicationId === applicationId && each.jobRunId === jobRunId)
    if (run === undefined) throw refuse('ResourceNotFoundException', `JobRun ${jobRunId} does not exist`, 404)
    return operation === 'CancelJobRun' ? this.#cancel(run) : { jobRun: showRun(run) }
  }

  #startRun(applicationId: string, request: { [name: string]: unknown }): object {
    const { clientToken = '', name, executionRoleArn = '' } = request as { [name: string]: string }
    const state = this.applications.get(applicationId)
    if (state !== 'STARTED' && state !== 'CREATED')
      throw refuse(
        'ValidationException',
        `Application ${applicationId} must be in one of the following statuses [CREATED, STARTED]. Current status: ${state}`,
      )
    const known = this.runs.find((each) => each.clientToken === clientToken)
    if (known !== undefined && JSON.stringify(known.request) !== JSON.stringify(request))
      throw refuse('ConflictException', 'The client token was used with other parameters', 409)
    const run =
      known ?? this.#addRun({ applicationId, clientToken, name, executionRole: executionRoleArn, request })
    return { applicationId, jobRunId: run.jobRunId, arn: makeArn(run) }
  }

  #addRun(
    given: Pick<ServedJobRun, 'applicationId' | 'clientToken' | 'executionRole' | 'request'> & {
      name: string | undefined
    },
  ): ServedJobRun {
    const now = this.now() / 1_000
    const { name, ...rest } = given
    const run: ServedJobRun = {
      ...rest,
      ...(name === undefined ? {} : { name }),
      jobRunId: `00job${String(this.runs.length + 1).padStart(11, '0')}`,
      state: 'SUBMITTED',
      stateDetails: '',
      createdAt: now,
      updatedAt: now,
      isCancelAsked: false,
    }
    this.runs.push(run)
    return run
  }

  /** Newest first, as EMR lists them. */
  #list(applicationId: string, query: URLSearchParams): object {
    const states = query.getAll('states')
    const after = Date.parse(query.get('createdAtAfter') ?? '1970-01-01') / 1_000
    const most = Number(query.get('maxResults') ?? MOST)
    if (most > MOST) throw refuse('ValidationException', 'maxResults must be at most 50')
    const from = Number(query.get('nextToken') ?? 0)
    const found = this.runs
      .filter((run) => run.applicationId === applicationId && run.createdAt >= after)
      .filter(({ state }) => states.length === 0 || states.includes(state))
      .reverse()
    const to = from + Math.min(most, this.pageSize)
    return {
      jobRuns: found.slice(from, to).map(summarize),
      ...(to < found.length ? { nextToken: String(to) } : {}),
    }
  }

  #cancel(run: ServedJobRun): object {
    if (ENDED.includes(run.state))
      throw refuse('ValidationException', `Job run ${run.jobRunId} is in the terminal state ${run.state}`)
    run.isCancelAsked = true
    if (this.behaviour.cancels === 'at once') this.move(run.jobRunId, 'CANCELLED', 'cancelled by request')
    else if (this.behaviour.cancels === 'later') this.move(run.jobRunId, 'CANCELLING')
    return { applicationId: run.applicationId, jobRunId: run.jobRunId }
  }
}

function parsePath({ pathname }: URL) {
  const [, applicationId = '', jobRunId] =
    /^\/applications\/([^/]+)\/jobruns(?:\/([^/]+))?$/.exec(pathname) ?? []
  return { applicationId, jobRunId }
}

const ENDED = ['SUCCESS', 'FAILED', 'CANCELLED']
const OPERATIONS: { [request: string]: string } = {
  'POST all': 'StartJobRun',
  'GET all': 'ListJobRuns',
  'GET one': 'GetJobRun',
  'DELETE one': 'CancelJobRun',
}

const makeArn = ({ applicationId, jobRunId }: ServedJobRun) =>
  `arn:aws:emr-serverless:eu-west-2:123456789012:/applications/${applicationId}/jobruns/${jobRunId}`

const showCommon = (run: ServedJobRun) => ({
  applicationId: run.applicationId,
  ...(run.name === undefined ? {} : { name: run.name }),
  arn: makeArn(run),
  createdBy: 'arn:aws:iam::123456789012:user/test',
  executionRole: run.executionRole,
  state: run.state,
  stateDetails: run.stateDetails,
  releaseLabel: 'emr-7.5.0',
  createdAt: run.createdAt,
  updatedAt: run.updatedAt,
})

const summarize = (run: ServedJobRun) => ({
  ...showCommon(run),
  id: run.jobRunId,
  type: 'SPARK',
  mode: 'BATCH',
})

const showRun = (run: ServedJobRun) => ({
  ...showCommon(run),
  jobRunId: run.jobRunId,
  jobDriver: run.request.jobDriver,
  configurationOverrides: run.request.configurationOverrides,
  ...(run.startedAt === undefined ? {} : { startedAt: run.startedAt }),
  ...(run.endedAt === undefined ? {} : { endedAt: run.endedAt, totalExecutionDurationSeconds: 1 }),
  ...(run.billedResourceUtilization === undefined
    ? {}
    : { billedResourceUtilization: run.billedResourceUtilization }),
})
