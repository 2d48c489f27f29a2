import { type Context, Hono } from 'hono'
import { z } from 'zod'
import type { Control } from '../control/control.ts'
import { RUN_STATUSES } from '../control/run-filter.ts'
import { MAX_PAGE } from '../control/schemas.ts'
import { isOpen } from '../core/model.ts'
import { body, checked, explain } from '../homes/aws/handlers/http.ts'
import { readSummary, readTasks } from './read-pages.ts'
import { summaryData } from './render/summary.ts'

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

/**
 * The HTTP API of `sluice dev`, for whoever is on this machine: runs, tasks, work, limits. A page of another origin
 * that a browser shows here may neither read nor act: only requests to loopback by its name are answered, and acts
 * take JSON, which such a page cannot send without being asked first.
 */
export function devApi(control: Control): Hono {
  const app = new Hono()
  app.use(guard)
  app.onError(explain)
  app.notFound((context) => context.json({ error: 'not_found', message: 'There is nothing here.' }, 404))

  app.get('/api/pipelines', async (context) => context.json((await control.pipelines()).pipelines))
  app.get('/api/budgets', async (context) => context.json(await control.budgets()))
  app.get('/api/pools', async (context) => context.json(await control.pools()))
  app.get('/api/runs', async (context) => {
    const { status: statuses, ...query } = checked(RUNS, context.req.query())
    return context.json((await control.runs({ ...query, statuses })).runs)
  })
  app.get('/api/runs/:run', async (context) => {
    const { run } = context.req.param()
    const summary = await readSummary(control, run)
    return context.json({ ...summaryData(summary), tasks: await readTasks(control, { run }) })
  })
  app.get('/api/runs/:run/tasks/:task', async (context) => {
    const query = context.req.param()
    const { tasks } = await control.tasks(query)
    return context.json({ ...tasks[0], why: (await control.why(query)).reasons })
  })
  app.get('/api/work', async (context) => context.json(await readWork(control)))
  app.post('/api/runs', async (context) => {
    const started = await control.start(await body(context, ASKED))
    return context.json(started, 'opened' in started && started.opened ? 201 : 200)
  })
  app.post('/api/runs/:run/cancel', async (context) => {
    const { run, status } = await control.run(context.req.param())
    if (!isOpen(status)) return context.json({ run, cancelled: false })
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
async function readWork(control: Control) {
  const { runs } = await control.runs({ statuses: ['planning', 'running'], limit: MAX_PAGE })
  const lists = await Promise.all(
    runs.map(async ({ run }) => {
      const tasks = await readTasks(control, { run, statuses: [...OPEN_TASKS] })
      return tasks.map((task) => ({ ...task, run, attempts: undefined }))
    }),
  )
  const tasks = lists.flat()
  return {
    running: tasks.filter(({ status }) => status === 'running'),
    pending: tasks.filter(({ status }) => status !== 'running'),
  }
}

async function guard(context: Context, next: () => Promise<void>): Promise<Response | undefined> {
  const host = URL.parse(`http://${context.req.header('host')}`)?.hostname ?? ''
  const origin = context.req.header('origin')
  const isLocal = ['localhost', '127.0.0.1', '[::1]'].includes(host)
  const isOwn = origin === undefined || origin === `http://${context.req.header('host')}`
  if (!isLocal || !isOwn)
    return context.json({ error: 'forbidden', message: 'Only this machine may use this API.' }, 403)
  const isJson = context.req.header('content-type')?.startsWith('application/json') === true
  if (context.req.method !== 'GET' && !isJson)
    return context.json({ error: 'invalid_usage', message: 'Send content-type: application/json.' }, 415)
  await next()
  return undefined
}
