import type { Home } from '../../control/home.ts'
import { allRuns } from '../../control/inspect.ts'
import type { Stored } from '../../core/change.ts'
import { keys } from '../../core/keys.ts'
import { configured, freeOf, heldOf } from '../../core/limit-row.ts'
import { hasEnded, isOpen, type Limit, type TaskRun } from '../../core/model.ts'
import { momentOf } from '../../core/moment.ts'
import { isOtherwise } from '../../engine/apply-limits.ts'
import { rowAt } from '../../engine/limits.ts'
import type { Project } from '../../project/load-config.ts'
import type { Result } from '../options.ts'
import { columns, instant } from '../render/text.ts'

/** Shows what is spent and left of every budget, and until when. */
export async function listBudgets(project: Project, home: Home): Promise<Result> {
  const names = Object.keys(project.limits.budgets)
  const rows = await Promise.all(names.map((name) => rowOf(home, project, 'budget', name)))
  const data = rows.map(({ row, waiting, configured }) => ({
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
    ...(configured && { configured: { limit: configured.limit, per: configured.window?.per } }),
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
  const text = data.length === 0 ? 'The config has no budgets.' : columns(head, table)
  const notes = data.flatMap(({ budget, configured: later }) =>
    later === undefined ? [] : [notApplied(`budget ${budget}`, `${later.limit} a ${later.per}`)],
  )
  return { data, text: [text, ...notes].join('\n') }
}

/** A limit belongs to the state: engines apply what their config says when they start. */
const notApplied = (name: string, allowed: string) =>
  `The config allows ${allowed} for the ${name}: it counts once sluice dev, or a command that runs tasks, has read it.`

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
      const { row, waiting, configured } = await rowOf(home, project, 'resource', name)
      const later = configured && { configured: { limit: configured.limit } }
      return { resource: name, limit: row.limit, held: heldOf(row), waiting, ...later }
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
  const notes = resources.flatMap(({ resource, configured: later }) =>
    later === undefined ? [] : [notApplied(`resource ${resource}`, String(later.limit))],
  )
  const text = [resources.length === 0 ? poolTable : `${poolTable}\n\n${resourceTable}`, ...notes].join('\n')
  return { data: [...pools, ...resources], text }
}

async function rowOf({ context }: Home, { limits }: Project, of: Limit['of'], name: string) {
  const { store, clock } = context.ports
  const key = keys.limit(of, name)
  const [stored] = (await store.read([key])) as [Stored<Limit>?]
  const moment = momentOf(clock)
  const row = rowAt(stored, { of, name }, limits, moment)
  const items = await store.list({ prefix: keys.waits(key), consistency: 'stale' })
  const later = isOtherwise(row, limits, moment.now) ? configured(row, limits, moment.now) : undefined
  return { row, waiting: items.length, configured: later }
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
