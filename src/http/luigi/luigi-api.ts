import { type Context, Hono } from 'hono'
import { methodNotAllowed } from 'hono/method-not-allowed'
import { SluiceError } from '../../core/errors.ts'
import type { LuigiScheduler } from '../../luigi/luigi-scheduler.ts'
import { findMethod, readArguments } from '../../luigi/methods.ts'
import { writeAnswerJson } from '../../luigi/python-json.ts'
import { makeErrorResponse, makeRefusalResponse } from '../errors.ts'
import { type Guards, makeSizeLimit } from '../guards.ts'
import { makeLuigiGuard } from './guard.ts'
import { addPages, type PageOptions } from './pages.ts'
import { readCallData } from './read-data.ts'
import { performTestCall, readTestTime } from './test-surface.ts'

/** Largest call: luigid takes as much, the default of Tornado's `max_buffer_size`. A task with 100,000 dependencies has 10 MB. */
const MAX_CALL_BYTES = 100 * 1024 * 1024

/** How the scheduler is served. */
export interface LuigiApiOptions extends PageOptions {
  guards: Guards
  /** Lets tests set the time, and forget everything. @default false */
  isUnderTest?: boolean
  /** Called with what was thrown and is no error of Sluice. */
  onDefect(error: unknown): void
}

/** The API of Luigi's central scheduler, as its workers and its web page ask it, below any prefix of the path. */
export function createLuigiApi(scheduler: LuigiScheduler, options: LuigiApiOptions): Hono {
  const app = new Hono()
  app.use('*', makeLuigiGuard(options.guards))
  app.use(
    '*',
    methodNotAllowed({
      app,
      onMethodNotAllowed: ({ req }, methods) =>
        makeRefusalResponse('method_not_allowed', `${req.path} is asked with ${methods.join(' or ')}.`, {
          headers: { allow: methods.join(', ') },
        }),
    }),
  )
  app.onError((error) => {
    if (!(error instanceof SluiceError)) options.onDefect(error)
    return makeErrorResponse(error)
  })
  app.notFound(({ req }) => makeRefusalResponse('not_found', `The scheduler has nothing at ${req.path}.`))
  const limit = makeSizeLimit(MAX_CALL_BYTES)
  app.on(['GET', 'POST'], CALL_PATHS, limit, async (context) => {
    const name = context.req.path.slice(context.req.path.lastIndexOf('/') + 1)
    return answerCall(scheduler, name, context, options.isUnderTest ?? false)
  })
  if (options.isUnderTest)
    app.post('/api/test/:method', limit, async (context) =>
      makeAnswer(
        performTestCall(
          scheduler,
          context.req.param('method'),
          await readCallData(context),
          readTestTime(context) ?? readTime(),
        ),
      ),
    )
  addPages(app, scheduler, options)
  return app
}

/** A scheduler behind a proxy may be asked below a prefix. */
const CALL_PATHS = ['/api/:method', '/:prefix{.+}/api/:method']

async function answerCall(
  scheduler: LuigiScheduler,
  name: string,
  context: Context,
  isUnderTest: boolean,
): Promise<Response> {
  const method = findMethod(name)
  if (method === undefined)
    return makeRefusalResponse('not_found', `The scheduler has no method ${JSON.stringify(name)}.`, {
      hint: 'It has those of Luigi 2.8 to 3.8.',
    })
  const sent = readArguments(name, method.arguments, await readCallData(context))
  const now = (isUnderTest ? readTestTime(context) : undefined) ?? readTime()
  return makeAnswer(scheduler.call(method, sent, now))
}

/** Seconds since the epoch, as Luigi counts. */
const readTime = () => Date.now() / 1_000

const makeAnswer = (answer: unknown): Response =>
  new Response(`{"response":${writeAnswerJson(answer)}}`, {
    headers: {
      'content-type': 'application/json; charset=UTF-8',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    },
  })
