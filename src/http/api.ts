import { type Context, Hono } from 'hono'
import { methodNotAllowed } from 'hono/method-not-allowed'
import { z } from 'zod'
import type { Control } from '../control/control.ts'
import { SluiceError } from '../core/errors.ts'
import { makeErrorResponse, makeRefusalResponse } from './errors.ts'
import { streamRunEvents } from './events.ts'
import { type Guards, makeApiGuard, makeSizeLimit } from './guards.ts'
import { describeHttpApi } from './openapi.ts'
import { readUrlQuery } from './query.ts'
import {
  findRequestShape,
  listPathFields,
  MAX_REQUEST_BYTES,
  type OperationName,
  type Route,
} from './route.ts'
import { listOperationNames, ROUTES } from './routes.ts'
import type { ServerView } from './server.ts'

/** How the API is served. */
export interface ApiOptions {
  guards: Guards
  /** Answers may be streams of events. @default false */
  isStreaming?: boolean
  /** While nothing happens, a stream looks ever more rarely, up to so many milliseconds. @default as often as Control says */
  idleLookMs?: number
  /** The clock of the instants in answers, which their `date` tells. @default that of this machine */
  now?(): number
  /** What the server tells of itself. @default it answers itself, and may be asked for everything */
  describeServer?(): Promise<ServerView>
  /** Larger answers are refused, in bytes. @default no limit */
  maxAnswerBytes?: number
  /** Called with what was thrown and is no error of Sluice. */
  onDefect(error: unknown): void
}

/** Control over HTTP: the one API of `sluice dev` and of deployments, described by `GET /v1/openapi.json`. */
export function createHttpApi(control: Control, options: ApiOptions): Hono {
  const app = new Hono()
  app.use('/v1/*', makeApiGuard(options.guards))
  const { now } = options
  if (now !== undefined)
    app.use('/v1/*', async (context, next) => {
      await next()
      context.header('date', new Date(now()).toUTCString())
    })
  app.use(
    '/v1/*',
    methodNotAllowed({
      app,
      onMethodNotAllowed: (context, methods) => answerMethod(context, methods),
    }),
  )
  app.onError((error) => {
    if (!(error instanceof SluiceError)) options.onDefect(error)
    return makeErrorResponse(error)
  })
  app.notFound(({ req }) =>
    makeRefusalResponse('not_found', `The API has nothing at ${req.path}.`, {
      hint: 'GET /v1/openapi.json describes it. A client and a server of different versions may differ.',
    }),
  )
  app.get('/v1/openapi.json', (context) => context.json(describeHttpApi()))
  const { describeServer = async () => ({ readOnly: false, simulatedUntil: null, deployment: null }) } =
    options
  app.get('/v1/server', async (context) => context.json(await describeServer(), 200, NO_STORE))
  app.get('/v1/events', (context) =>
    options.isStreaming
      ? streamRunEvents(control, context, options.idleLookMs)
      : makeRefusalResponse('not_streamed', 'This server answers whole, and streams no events.', {
          hint: 'Ask GET /v1/changes again and again, as its `lookAgainMs` says.',
        }),
  )
  for (const name of listOperationNames()) addOperation(app, control, name, options)
  return app
}

function addOperation<Name extends OperationName>(
  app: Hono,
  control: Control,
  name: Name,
  { maxAnswerBytes = Number.POSITIVE_INFINITY }: ApiOptions,
): void {
  const route: Route<Name> = ROUTES[name]
  // A name of a secret has slashes in it.
  const path = route.path.replace('{name}', ':name{.+}').replaceAll(/\{(\w+)\}/g, ':$1')
  const methods = route.isLong ? [route.method, 'POST'] : [route.method]
  // Control checks every request itself.
  const perform = control[name] as (request: unknown) => Promise<never>
  app.on(methods, path, makeSizeLimit(route.maxBytes ?? MAX_REQUEST_BYTES), async (context) => {
    const answer = await perform.call(control, await readOperationRequest(context, name))
    const status = route.statusOf?.(answer) ?? 200
    const text = JSON.stringify(answer)
    refuseLarge(text, maxAnswerBytes)
    return context.body(text, status, {
      'content-type': 'application/json',
      ...makeAnswerHeaders(status, answer),
    })
  })
}

const NO_STORE = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' }

const makeAnswerHeaders = (status: number, answer: { run?: string }) => ({
  ...NO_STORE,
  ...(status === 201 && answer.run !== undefined ? { location: `/v1/runs/${answer.run}` } : {}),
})

/** The fields of a request: those of its path, and those of its query or body. */
async function readOperationRequest(context: Context, name: OperationName): Promise<object | undefined> {
  const request = findRequestShape(name)
  if (request === undefined) return undefined
  const inPath = listPathFields(ROUTES[name].path)
  const schemas = request instanceof z.ZodObject ? request.shape : {}
  const fields = ['GET', 'HEAD', 'DELETE'].includes(context.req.method)
    ? readUrlQuery(new URL(context.req.url).searchParams, schemas)
    : await readJsonBody(context)
  const twice = inPath.find((name) => name in fields)
  if (twice !== undefined) throw new SluiceError('invalid_usage', `\`${twice}\` belongs into the path alone.`)
  return { ...fields, ...Object.fromEntries(inPath.map((name) => [name, context.req.param(name)])) }
}

async function readJsonBody({ req }: Context): Promise<{ [name: string]: unknown }> {
  const text = await req.text()
  if (text === '') return {}
  try {
    return z.record(z.string(), z.unknown()).parse(JSON.parse(text))
  } catch (cause) {
    throw new SluiceError('invalid_usage', 'The body of the request is no JSON object.', { cause })
  }
}

function refuseLarge(text: string, maxBytes: number): void {
  // A function's answer is JSON in JSON.
  if (text.length < maxBytes / 2 || Buffer.byteLength(JSON.stringify(text)) <= maxBytes) return
  throw new SluiceError(
    'record_too_large',
    `The answer has ${text.length} bytes; a function answers with ${maxBytes} at most.`,
    { hint: 'Ask for a smaller page (`limit`), or for less.' },
  )
}

/** OPTIONS tells which methods a path has, and lets no page of another origin in. */
function answerMethod({ req }: Context, methods: string[]): Response {
  const headers = { allow: methods.join(', ') }
  if (req.method === 'OPTIONS') return new Response(null, { status: 204, headers })
  return makeRefusalResponse('method_not_allowed', `${req.path} is asked with ${methods.join(' or ')}.`, {
    headers,
  })
}
