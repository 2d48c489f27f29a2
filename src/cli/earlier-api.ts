import { type Context, Hono } from 'hono'
import { z } from 'zod'
import type { Control } from '../control/control.ts'
import { checkRequestShape } from '../control/parts.ts'
import { RUN_STATUSES } from '../control/run-filter.ts'
import { MAX_PAGE } from '../control/schemas.ts'
import { SluiceError } from '../core/errors.ts'
import { isRunOpen } from '../core/records/status.ts'
import { type Guards, makeApiGuard, makeSizeLimit } from '../http/guards.ts'
import { MAX_REQUEST_BYTES } from '../http/route.ts'
import { readAllTasks, readRunSummary } from './read-pages.ts'
import { makeSummaryData } from './render/summary.ts'

const ASKED = z.strictObject({ name: z.string(), params: z.record(z.string(), z.json()).default({}) })
const LIMIT = 100

/** An instant in milliseconds, or as ISO 8601. */
const MOMENT = z
  .string()
  .transform((text) => (/^\d+$/.test(text) ? Number(text) : Date.parse(text)))
  .pipe(z.number())
const RUNS = z.strictObject({
  pipeline: z.string().optional(),
  status: z
    .string()
    .transform((text) => text.split(','))
    .pipe(z.array(z.enum(RUN_STATUSES)))
    .optional(),
  since: MOMENT.optional(),
  until: MOMENT.optional(),
  limit: z.coerce.number().int().min(1).max(1_000).default(LIMIT),
})

/** The paths that `sluice dev` had before `/v1`, for programs that use them; behind the same guards. */
export function makeEarlierApi(control: Control, guards: Guards): Hono {
  const app = new Hono()
  app.use('/api/*', makeApiGuard(guards), makeSizeLimit(MAX_REQUEST_BYTES))
  app.onError(answerEarlierError)

  app.get('/api/pipelines', async (context) => context.json((await control.pipelines()).pipelines))
  app.get('/api/budgets', async (context) => context.json(await control.budgets()))
  app.get('/api/pools', async (context) => context.json(await control.pools()))
  app.get('/api/runs', async (context) => {
    const { status: statuses, ...query } = checkRequestShape(RUNS, context.req.query())
    return context.json((await control.runs({ ...query, statuses })).runs)
  })
  app.get('/api/runs/:run', async (context) => {
    const { run } = context.req.param()
    const summary = await readRunSummary(control, run)
    return context.json({ ...makeSummaryData(summary), tasks: await readAllTasks(control, { run }) })
  })
  app.get('/api/runs/:run/tasks/:task', async (context) => {
    const query = context.req.param()
    const { tasks } = await control.tasks(query)
    return context.json({ ...tasks[0], why: (await control.why(query)).reasons })
  })
  app.get('/api/work', async (context) => context.json(await readEarlierWork(control)))
  app.post('/api/runs', async (context) => {
    const started = await control.start(await readCheckedBody(context, ASKED))
    return context.json(started, 'opened' in started && started.opened ? 201 : 200)
  })
  app.post('/api/runs/:run/cancel', async (context) => {
    const { run, status } = await control.run(context.req.param())
    if (!isRunOpen(status)) return context.json({ run, cancelled: false })
    await control.cancel({ run })
    return context.json({ run, cancelled: true })
  })
  app.post('/api/pipelines/:pipeline/pause', async (context) =>
    context.json(await control.pause(context.req.param())),
  )
  app.post('/api/pipelines/:pipeline/resume', async (context) =>
    context.json(await control.resume(context.req.param())),
  )
  return app
}

const OPEN_TASKS = ['pending', 'queued', 'running', 'waiting', 'expanding'] as const

/** What runs, and what is queued or waits, of all open runs. */
async function readEarlierWork(control: Control) {
  const { runs } = await control.runs({ statuses: ['planning', 'running'], limit: MAX_PAGE })
  const lists = await Promise.all(
    runs.map(async ({ run }) => {
      const tasks = await readAllTasks(control, { run, statuses: [...OPEN_TASKS] })
      return tasks.map((task) => ({ ...task, run, attempts: undefined }))
    }),
  )
  const tasks = lists.flat()
  return {
    running: tasks.filter(({ status }) => status === 'running'),
    pending: tasks.filter(({ status }) => status !== 'running'),
  }
}

/** The body of a request, as the schema wants it. */
const readCheckedBody = async <S extends z.ZodType>({ req }: Context, schema: S): Promise<z.output<S>> =>
  checkRequestShape(schema, await req.json().catch(() => undefined))

/** An error as these paths tell it: flat, where `/v1` has it in `error`. */
function answerEarlierError(error: Error, context: Context): Response {
  if (!(error instanceof SluiceError)) return context.json({ error: 'internal', message: error.message }, 500)
  const { code, message, hint, source } = error
  const isUnknown = code.startsWith('unknown_') && code !== 'unknown_parameter'
  const status = source === 'system' ? 500 : code === 'read_only' ? 403 : isUnknown ? 404 : 400
  return context.json({ error: code, message, hint: hint ?? null }, status)
}
