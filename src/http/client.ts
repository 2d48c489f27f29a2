import { setTimeout as sleep } from 'node:timers/promises'
import type { Control } from '../control/control.ts'
import { followChanges } from '../control/follow-changes.ts'
import { readErrorMessage, SluiceError } from '../core/errors.ts'
import { computeRetryDelayMs } from '../core/retry.ts'
import { readOperationAnswer } from './answers.ts'
import { writeUrlQuery } from './query.ts'
import {
  type AnswerOf,
  listPathFields,
  MAX_URL_LENGTH,
  type OperationName,
  type RequestOf,
  type Route,
} from './route.ts'
import { ROUTES } from './routes.ts'

/** A request as it is sent. */
export interface HttpRequest {
  method: string
  headers: { [name: string]: string }
  body?: string
}

/** Sends a request, signed or with a token. Throws a {@link SluiceError} for what sending it again cannot mend. */
export type Fetcher = (url: URL, request: HttpRequest) => Promise<Response>

/** How a server is reached. */
export interface RemoteOptions {
  /** The address of the server, without `/v1`. */
  base: string
  fetcher: Fetcher
  /** Waits before a request is sent again. @default a timer */
  wait?(ms: number): Promise<unknown>
}

/** Six times in about ten seconds: what takes longer is no blip. */
const RETRY = { attempts: 6, delayMs: 250, maxDelayMs: 5_000, backoff: 'exponential' } as const

/** Sends requests with a token, as `sluice dev` wants it. */
export const makeTokenFetcher =
  (token: string): Fetcher =>
  (url, { headers, ...request }) =>
    fetch(url, { ...request, headers: { ...headers, authorization: `Bearer ${token}` } })

/** Asks Sluice over HTTP: the same operations, the same errors. An engine works on the runs there. */
export function makeRemoteControl(options: RemoteOptions): Control {
  const call =
    <Name extends OperationName>(name: Name) =>
    (request?: RequestOf<Name>): Promise<AnswerOf<Name>> =>
      askOperation<Name>(options, ROUTES[name], request)
  const changes = call('changes')
  return {
    isHosted: true,
    start: call('start'),
    follow: (query) => followChanges(changes, query),
    changes,
    plan: call('plan'),
    pipelines: call('pipelines'),
    intervals: call('intervals'),
    runs: call('runs'),
    run: call('run'),
    tasks: call('tasks'),
    history: call('history'),
    graph: call('graph'),
    graphTasks: call('graphTasks'),
    cone: call('cone'),
    timeline: call('timeline'),
    logs: call('logs'),
    why: call('why'),
    waits: call('waits'),
    budgets: call('budgets'),
    pools: call('pools'),
    limitUse: call('limitUse'),
    luigid: call('luigid'),
    luigidTasks: call('luigidTasks'),
    luigidTask: call('luigidTask'),
    luigidWorkers: call('luigidWorkers'),
    retry: call('retry'),
    cancel: call('cancel'),
    mark: call('mark'),
    selection: call('selection'),
    retrySelected: call('retrySelected'),
    cancelSelected: call('cancelSelected'),
    markSelected: call('markSelected'),
    pause: call('pause'),
    resume: call('resume'),
    prune: call('prune'),
    openShell: call('openShell'),
    endShell: call('endShell'),
    secrets: call('secrets'),
    setSecret: call('setSecret'),
    removeSecret: call('removeSecret'),
    async close() {},
  }
}

async function askOperation<Name extends OperationName>(
  options: RemoteOptions,
  route: Route<Name>,
  request: RequestOf<Name> | undefined,
): Promise<AnswerOf<Name>> {
  const { url, ...sent } = buildRequest(options.base, route, { ...request })
  const isRepeatable = route.isRepeatable(request as RequestOf<Name>)
  const response = await sendPatiently(options, url, sent, isRepeatable)
  return readOperationAnswer(route, url, response)
}

/** The request of an operation: its fields in the path, and in the query or body. */
function buildRequest<Name extends OperationName>(
  base: string,
  { method, path, isLong }: Route<Name>,
  fields: { [name: string]: unknown },
): HttpRequest & { url: URL } {
  const rest = { ...fields }
  for (const name of listPathFields(path)) delete rest[name]
  const filled = path.replaceAll(/\{(\w+)\}/g, (_, name) => encodeURIComponent(String(fields[name])))
  const url = new URL(filled.slice(1), base.endsWith('/') ? base : `${base}/`)
  if (method === 'GET') {
    const asked = new URL(url)
    asked.search = writeUrlQuery(rest).toString()
    if (!isLong || asked.href.length <= MAX_URL_LENGTH) return { url: asked, method, headers: {} }
  }
  if (method === 'DELETE') return { url, method, headers: {} }
  return {
    url,
    method: method === 'GET' ? 'POST' : method,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(rest),
  }
}

/** Sends a request again if the connection or the server failed, if that does no harm. */
async function sendPatiently(
  { fetcher, wait = sleep }: RemoteOptions,
  url: URL,
  request: HttpRequest,
  isRepeatable: boolean,
): Promise<Response> {
  for (let failures = 1; ; failures++) {
    const isLast = failures >= RETRY.attempts
    try {
      const response = await fetcher(url, request)
      if (isLast || !mayBeSentAgain(response.status, isRepeatable)) return response
      await response.body?.cancel()
    } catch (error) {
      if (error instanceof SluiceError) throw error
      if (isLast || !isRepeatable) throw makeUnreachableError(url, error)
    }
    await wait(computeRetryDelayMs(RETRY, failures, Math.random()))
  }
}

/** A request that was throttled has done nothing; after another failure of the server it may have been done. */
const mayBeSentAgain = (status: number, isRepeatable: boolean) =>
  status === 429 || (isRepeatable && status >= 500 && status !== 501)

function makeUnreachableError({ host }: URL, error: unknown): SluiceError {
  const cause = error instanceof Error ? error.cause : undefined
  return new SluiceError(
    'deployment_unreachable',
    `${host} cannot be reached: ${readErrorMessage(cause instanceof Error ? cause : error)}`,
    { cause: error, hint: 'Look at the network and at the server, then give the command again.' },
  )
}
