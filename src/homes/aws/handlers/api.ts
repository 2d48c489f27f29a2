import { Hono } from 'hono'
import { z } from 'zod'
import { findRun } from '../../../control/find-runs.ts'
import type { Home } from '../../../control/home.ts'
import { findRoot, findScheduled, requestFor } from '../../../control/requests.ts'
import { SluiceError } from '../../../core/errors.ts'
import { type Key, keys } from '../../../core/keys.ts'
import type { LinesPage, LinesQuery, ListQuery } from '../../../core/ports.ts'
import { cancelRun } from '../../../engine/cancel.ts'
import { markSucceeded } from '../../../engine/mark.ts'
import { pauseSchedule } from '../../../engine/schedules.ts'
import { planningOf } from '../../../planning/planning.ts'
import type { Project } from '../../../project/load-config.ts'
import { body, explain } from './http.ts'
import { readOrder } from './read-order.ts'
import { ASKED_ORDER, type Starter, startExecution } from './start-run.ts'

/** What the API stands on. */
export interface ApiParts {
  home: Home
  project: Project
  starter: Starter
  /** Names of state machines begin so. */
  machines: string
  setSecret(name: string, value: string): Promise<void>
  /** Lines of a pool's tasks. */
  readLogs(pool: string, query: LinesQuery): Promise<LinesPage>
}

/** Kinds of records that may be looked at; tokens of executions may not. */
const SHOWN = [
  'run',
  'request',
  'task',
  'attempt',
  'limit',
  'wait',
  'schedule',
  'lock',
  'checkpoint',
  'marker',
  'launches',
]
const shownKey = z.string().refine((key) => SHOWN.includes(key.slice(0, key.indexOf('/'))), 'is not shown')
const PAGE = 1_000

const READ = z.strictObject({ keys: z.array(shownKey).max(PAGE) })
const LIST = z.strictObject({
  prefix: shownKey,
  after: z.string().optional(),
  limit: z.int().min(1).max(PAGE),
  consistency: z.enum(['strong', 'stale']),
})
const PLANS = z.strictObject({ run: z.string(), numbers: z.array(z.int().min(0)).max(PAGE).optional() })
const PARAMS = z.record(z.string(), z.json())
const START = z.strictObject({ name: z.string(), params: PARAMS, order: ASKED_ORDER.default({}) })
const COMPLETE = z.strictObject({ name: z.string(), params: z.array(PARAMS).max(PAGE) })
const LOGS = z.strictObject({
  run: z.string(),
  number: z.int().optional(),
  attempt: z.int().optional(),
  pool: z.string(),
  after: z.string().optional(),
  from: z.number(),
})

/** The API of a deployment, for the command: whoever may invoke the function may use all of it. */
export function createApi({ home, project, starter, machines, setSecret, readLogs }: ApiParts): Hono {
  const { store, plans } = home.context.ports
  const app = new Hono()
  app.onError((error, context) => {
    if (!(error instanceof SluiceError)) console.error(error)
    return explain(error, context)
  })
  app.notFound((context) => context.json({ error: 'not_found', message: 'There is nothing here.' }, 404))

  app.post('/ports/read', async (context) => {
    const { keys } = await body(context, READ)
    return context.json({ records: (await store.read(keys as Key[])).map((each) => each ?? null) })
  })
  app.post('/ports/list', async (context) =>
    context.json({ listed: await store.list(withoutAbsent(await body(context, LIST)) as ListQuery) }),
  )
  app.post('/ports/plans', async (context) => {
    const { run, numbers } = await body(context, PLANS)
    if (numbers === undefined) return context.json({ header: (await plans.header(run)) ?? null })
    return context.json({ tasks: await plans.tasks(run, numbers) })
  })
  app.post('/complete', async (context) => {
    const { name, params } = await body(context, COMPLETE)
    const root = findRoot(project, name)
    const tasks = params.flatMap((each) => requestFor(root, each).root ?? [])
    return context.json({ complete: await planningOf(home.surroundings).areComplete(tasks) })
  })
  app.post('/runs', async (context) => {
    const { name, params, order } = await body(context, START)
    const read = await readOrder(home, project, { name, params, order })
    return context.json(await startExecution(home, starter, machines, { ...read, order }))
  })
  app.post('/runs/:run/cancel', async (context) => {
    const run = await findRun(home, context.req.param('run'))
    return context.json({ run: run.id, cancelled: await cancelRun(home.context, run) })
  })
  app.post('/runs/:run/tasks/:number/mark', async (context) => {
    const { run, number } = context.req.param()
    const [task] = await store.read([keys.taskRun(run, Number(number))])
    return context.json({ marked: task !== undefined && (await markSucceeded(home.context, task)) })
  })
  for (const act of ['pause', 'resume'] as const)
    app.post(`/pipelines/:name/${act}`, async (context) => {
      const { name } = findScheduled(project, context.req.param('name'))
      await pauseSchedule(home.context, name, act === 'pause')
      return context.json({ pipeline: name, paused: act === 'pause' })
    })
  app.post('/secrets', async (context) => {
    const { name, value } = await body(
      context,
      z.strictObject({ name: z.string(), value: z.string().min(1) }),
    )
    await setSecret(name, value)
    return context.json({ name })
  })
  app.post('/logs', async (context) => {
    const { pool, ...query } = await body(context, LOGS)
    const found = await readLogs(pool, withoutAbsent({ ...query, ...(await streamsOf(query)) }))
    // A stream that is not known any more, or by another name: then all of the group is looked through.
    const isFound = found.lines.length > 0 || found.next !== undefined
    return context.json(isFound ? found : await readLogs(pool, withoutAbsent(query)))
  })

  /** The streams of one task's attempts, where its records still tell them. */
  async function streamsOf({ run, number }: { run: string; number?: number | undefined }) {
    if (number === undefined) return {}
    const [task] = await store.read([keys.taskRun(run, number)])
    const attempts = Array.from({ length: task?.attempt ?? 0 }, (_, index) =>
      keys.attempt(run, number, index + 1),
    )
    const records = [task, ...((await store.read(attempts)) as ({ worker?: string } | undefined)[])]
    const streams = [...new Set(records.flatMap((record) => streamOf(task?.pool ?? '', record?.worker)))]
    return streams.length === 0 ? {} : { streams }
  }

  return app
}

/** The log stream of a worker; Fargate's are named by the pool, the container and the task. */
function streamOf(pool: string, worker: string | undefined): string[] {
  const [kind, ...rest] = worker?.split('/') ?? []
  if (kind === 'lambda') return [rest.join('/')]
  return kind === 'fargate' ? [`${pool}/worker/${rest.join('/')}`] : []
}

type WithoutAbsent<T> = { [K in keyof T]: Exclude<T[K], undefined> }

/** Fields that are undefined are left out. */
const withoutAbsent = <T extends object>(value: T): WithoutAbsent<T> =>
  Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as WithoutAbsent<T>
