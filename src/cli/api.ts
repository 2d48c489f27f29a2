import { type Context, Hono } from 'hono'
import { z } from 'zod'
import type { Home } from '../control/home.ts'
import { allRuns, findRun, findTasks, type TaskView, viewRun } from '../control/inspect.ts'
import { findRoot, findScheduled, requestFor, startRun } from '../control/requests.ts'
import { readResults } from '../control/results.ts'
import { filterRuns, RUN_STATUSES } from '../control/run-filter.ts'
import { hasEnded, isOpen } from '../core/model.ts'
import { cancelRun } from '../engine/cancel.ts'
import { pauseSchedule } from '../engine/schedules.ts'
import { whyWaiting } from '../engine/why.ts'
import { body, checked, explain } from '../homes/aws/handlers/http.ts'
import type { Project } from '../project/load-config.ts'
import { listBudgets, readPools } from './commands/limits.ts'
import { describePipelines, taskData } from './commands/look.ts'
import { runData } from './commands/runs.ts'
import { summaryData } from './summary.ts'

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
export function devApi(home: Home, project: Project): Hono {
  const app = new Hono()
  app.use(guard)
  app.onError(explain)
  app.notFound((context) => context.json({ error: 'not_found', message: 'There is nothing here.' }, 404))

  app.get('/api/pipelines', async (context) => context.json(await describePipelines(project, home)))
  app.get('/api/budgets', async (context) => context.json((await listBudgets(project, home)).data as object))
  app.get('/api/pools', async (context) => context.json(await readPools(project, home)))
  app.get('/api/runs', async (context) => {
    const { limit, status: statuses, ...filter } = checked(RUNS, context.req.query())
    const runs = filterRuns(await allRuns(home), { ...filter, statuses })
      .reverse()
      .slice(0, limit)
    return context.json(runs.map((run) => runData(run)))
  })
  app.get('/api/runs/:run', async (context) => {
    const view = await viewRun(home, await findRun(home, context.req.param('run')))
    const results = await readResults(home, view.tasks)
    return context.json({ ...summaryData(view), tasks: view.tasks.map((task) => taskData(task, results)) })
  })
  app.get('/api/runs/:run/tasks/:task', async (context) => {
    const view = await viewRun(home, await findRun(home, context.req.param('run')))
    const [found] = findTasks(view, context.req.param('task')) as [TaskView]
    const why = await whyWaiting(home.context, view.run, found.task)
    return context.json({ ...taskData(found, await readResults(home, [found])), why })
  })
  app.get('/api/work', async (context) => context.json(await work(home)))
  app.post('/api/runs', async (context) => {
    const { name, params } = await body(context, ASKED)
    const started = await startRun(home, requestFor(findRoot(project, name), params))
    return context.json(started ?? { status: 'complete' }, started?.opened ? 201 : 200)
  })
  app.post('/api/runs/:run/cancel', async (context) => {
    const run = await findRun(home, context.req.param('run'))
    return context.json({ run: run.id, cancelled: await cancelRun(home.context, run) })
  })
  for (const act of ['pause', 'resume'] as const)
    app.post(`/api/pipelines/:name/${act}`, async (context) => {
      const { name } = findScheduled(project, context.req.param('name'))
      await pauseSchedule(home.context, name, act === 'pause')
      return context.json({ pipeline: name, paused: act === 'pause' })
    })
  return app
}

/** What runs, and what is queued or waits, of all open runs. */
async function work(home: Home) {
  const open = (await allRuns(home)).filter(({ status }) => isOpen(status))
  const views = await Promise.all(open.map((run) => viewRun(home, run)))
  const tasks = views.flatMap(({ run, tasks }) =>
    tasks
      .filter(({ task }) => !hasEnded(task.status))
      .map((view) => ({ run: run.id, ...taskData(view), attempts: undefined })),
  )
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
