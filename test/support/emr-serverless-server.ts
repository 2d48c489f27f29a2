import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import { EMRServerlessClient } from '@aws-sdk/client-emr-serverless'

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

/** How the server behaves; a test changes it at any time. */
export interface ServedBehaviour {
  /** Answers a request with an error: its name, its message and perhaps its status. Called for each, before anything else. */
  refuse(operation: string): { name: string; message: string; status?: number } | undefined
  /** What becomes of a cancel: at once, later by the test, or never, though it is accepted. */
  cancels: 'at once' | 'later' | 'never'
}

/** EMR caps pages; tests make them smaller, so that there are several. */
const MOST = 50

/**
 * Speaks the API of EMR Serverless by its wire shapes and runs nothing: the test says how job runs go on. Its shapes are compared with
 * those of moto by `npm run test:emr`.
 */
export class EmrServerlessServer {
  readonly runs: ServedJobRun[] = []
  /** Ids of the applications that are there, with their states. */
  readonly applications = new Map<string, string>()
  /** Operations that were asked for, in order. */
  readonly asked: string[] = []
  readonly behaviour: ServedBehaviour = { refuse: () => undefined, cancels: 'at once' }
  pageSize = MOST
  /** The clock of EMR. */
  now: () => number = Date.now
  url = ''

  static async start(test: Pick<TestContext, 'after'>): Promise<EmrServerlessServer> {
    const served = new EmrServerlessServer()
    const server = createServer((request, response) => void served.#answer(request, response))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    served.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    test.after(() => new Promise((resolve) => server.close(resolve)))
    return served
  }

  /** A client that tries nothing again. */
  client(): EMRServerlessClient {
    const credentials = { accessKeyId: 'test', secretAccessKey: 'test' }
    return new EMRServerlessClient({ endpoint: this.url, region: 'eu-west-2', credentials, maxAttempts: 1 })
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

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const body = Buffer.concat(chunks).toString()
    try {
      const answer = this.#perform(request.method ?? '', new URL(request.url ?? '/', this.url), body)
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer))
    } catch (error) {
      const { name, message, status = 400 } = error as Refusal
      response
        .writeHead(status, { 'content-type': 'application/json', 'x-amzn-errortype': name })
        .end(JSON.stringify({ message }))
    }
  }

  #perform(method: string, { pathname, searchParams }: URL, body: string): object {
    const [, applicationId = '', jobRunId] =
      /^\/applications\/([^/]+)\/jobruns(?:\/([^/]+))?$/.exec(pathname) ?? []
    const operation = OPERATIONS[`${method} ${jobRunId === undefined ? 'all' : 'one'}`] ?? pathname
    this.asked.push(operation)
    const refusal = this.behaviour.refuse(operation)
    if (refusal !== undefined) throw refusal
    if (!this.applications.has(applicationId))
      throw refuse('ResourceNotFoundException', `Application ${applicationId} does not exist`, 404)
    if (operation === 'StartJobRun') return this.#startRun(applicationId, JSON.parse(body))
    if (operation === 'ListJobRuns') return this.#list(applicationId, searchParams)
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

interface Refusal {
  name: string
  message: string
  status?: number
}

const refuse = (name: string, message: string, status = 400): Refusal => ({ name, message, status })

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
