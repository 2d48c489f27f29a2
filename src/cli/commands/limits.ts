import type { Stored } from '../../core/change.ts'
import { at, configured, freeOf, heldOf, newLimit } from '../../core/limit-row.ts'
import { hasEnded, isOpen, keys, type Limit, type TaskRun } from '../../core/model.ts'
import type { Home } from '../../project/home.ts'
import { allRuns } from '../../project/inspect.ts'
import type { Project } from '../../project/load-config.ts'
import type { Result } from '../options.ts'
import { columns, instant } from '../render.ts'

/** Shows what is spent and left of every budget, and until when. */
export async function listBudgets(project: Project, home: Home): Promise<Result> {
  const names = Object.keys(project.limits.budgets)
  const rows = await Promise.all(names.map((name) => rowOf(home, project, 'budget', name)))
  const data = rows.map(({ row, waiting }) => ({
    budget: row.name,
    limit: row.limit,
    per: row.window?.per,
    timeZone: row.window?.timeZone,
    spent: row.window?.spent ?? 0,
    reserved: heldOf(row),
    left: Math.max(0, freeOf(row)),
    windowEndsAt: row.window?.endsAt ?? null,
    blockedUntil: row.blockedUntil ?? null,
    waiting,
  }))
  const table = data.map((each) => [
    each.budget,
    `${each.limit} a ${each.per}`,
    String(each.spent),
    String(each.reserved),
    String(each.left),
    each.blockedUntil === null
      ? `${instant(each.windowEndsAt ?? 0)}`
      : `left alone until ${instant(each.blockedUntil)}`,
    String(each.waiting),
  ])
  const head = ['budget', 'limit', 'spent', 'reserved', 'left', 'until (UTC)', 'waiting']
  return { data, text: data.length === 0 ? 'The config has no budgets.' : columns(head, table) }
}

/** Every pool and resource: its size, what runs in it and what waits for it. */
export async function readPools(project: Project, home: Home) {
  const tasks = await openTasks(home)
  const pools = Object.entries(project.limits.pools).map(([name, { concurrency, maxMemoryMb }]) => {
    const inPool = tasks.filter(({ pool }) => pool === name)
    const count = (status: TaskRun['status']) => inPool.filter((task) => task.status === status).length
    return {
      pool: name,
      concurrency: concurrency ?? null,
      maxMemoryMb: maxMemoryMb ?? null,
      running: count('running'),
      queued: count('queued'),
      waiting: count('waiting'),
    }
  })
  const resources = await Promise.all(
    Object.keys(project.limits.resources).map(async (name) => {
      const { row, waiting } = await rowOf(home, project, 'resource', name)
      return { resource: name, limit: row.limit, held: heldOf(row), waiting }
    }),
  )
  return { pools, resources }
}

/** Shows every pool and resource; as data a line for each. */
export async function listPools(project: Project, home: Home): Promise<Result> {
  const { pools, resources } = await readPools(project, home)
  const poolTable = columns(
    ['pool', 'places', 'running', 'queued', 'waiting', 'largest'],
    pools.map((each) => [
      each.pool,
      each.concurrency === null ? 'no limit' : String(each.concurrency),
      String(each.running),
      String(each.queued),
      String(each.waiting),
      each.maxMemoryMb === null ? '' : `${each.maxMemoryMb} MB`,
    ]),
  )
  const resourceTable = columns(
    ['resource', 'slots', 'held', 'waiting'],
    resources.map((each) => [each.resource, String(each.limit), String(each.held), String(each.waiting)]),
  )
  const text = resources.length === 0 ? poolTable : `${poolTable}\n\n${resourceTable}`
  return { data: [...pools, ...resources], text }
}

async function rowOf({ context }: Home, { limits }: Project, of: Limit['of'], name: string) {
  const { store, clock } = context.ports
  const key = keys.limit(of, name)
  const [stored] = (await store.read([key])) as [Stored<Limit>?]
  const now = clock.now()
  const row = at(configured(stored ?? newLimit({ of, name }, limits, now), limits, now), now)
  const items = await store.list({ prefix: keys.waits(key), consistency: 'stale' })
  return { row, waiting: items.length }
}

async function openTasks(home: Home): Promise<TaskRun[]> {
  const runs = (await allRuns(home)).filter(({ status }) => isOpen(status))
  const lists = await Promise.all(
    runs.map(({ id }) => home.context.ports.store.list({ prefix: keys.taskRuns(id), consistency: 'stale' })),
  )
  return lists.flat().flatMap(({ record }) => {
    const task = record as Stored<TaskRun>
    return task.join || hasEnded(task.status) ? [] : [task]
  })
}
