import type { z } from 'zod'
import { SluiceError } from '../core/errors.ts'
import { keys } from '../core/keys.ts'
import type { Limits } from '../core/limits.ts'
import { readClockMoment } from '../core/moment.ts'
import { computeCurrentRow } from '../engine/limits.ts'
import type { LimitUse } from './control.ts'
import type { Home } from './home.ts'
import { listOpenTasks } from './open-tasks.ts'
import { parseCursor } from './parts.ts'
import { LimitQuery } from './schemas.ts'

type Query = z.output<typeof LimitQuery>
type User = LimitUse['holders'][number]

/** A task that uses a limit, before its label is known. */
interface Use {
  run: string
  number: number
  weight: number | null
}

const MAX_HOLDERS = 100

/** Which tasks hold a limit, and which wait for it. */
export async function readLimitUse(limits: Limits, home: Home, query: Query): Promise<LimitUse> {
  const { of, name } = query
  const names = { pool: limits.pools, resource: limits.resources, budget: limits.budgets }[of]
  if (!Object.hasOwn(names, name))
    throw new SluiceError('unknown_name', `There is no ${of} ${name.slice(0, 200)}.`, {
      hint: `The config names ${Object.keys(names).slice(0, 10).join(', ') || 'none'}.`,
    })
  const { holders, waiters, next } =
    of === 'pool' ? await listPoolUses(home, query) : await listRowUses(home, limits, { ...query, of })
  return {
    of,
    name,
    holders: await viewUses(home, holders.slice(0, MAX_HOLDERS)),
    moreHolders: Math.max(0, holders.length - MAX_HOLDERS),
    waiters: await viewUses(home, waiters),
    next,
  }
}

interface Uses {
  holders: Use[]
  waiters: Use[]
  next: string | null
}

/** What runs in a pool, and what is in its queue. */
async function listPoolUses(home: Home, { name, cursor, limit }: Query): Promise<Uses> {
  const tasks = (await listOpenTasks(home)).filter(({ pool }) => pool === name)
  const use = ({ run, number }: { run: string; number: number }): Use => ({ run, number, weight: null })
  const queued = tasks.filter(({ status }) => status === 'queued')
  const start = cursor === undefined ? 0 : Number(parseCursor(LimitQuery.shape.limit, cursor))
  return {
    holders: tasks.filter(({ status }) => status === 'running').map(use),
    waiters: queued.slice(start, start + limit).map(use),
    next: start + limit < queued.length ? String(start + limit) : null,
  }
}

/** Who the row of a resource or budget names, and the wait items below it. */
async function listRowUses(
  { context }: Home,
  limits: Limits,
  { of, name, cursor, limit }: Query & { of: 'resource' | 'budget' },
): Promise<Uses> {
  const { store, clock } = context.ports
  const key = keys.limit(of, name)
  const [stored] = await store.read([key])
  const row = computeCurrentRow(stored, { of, name }, limits, readClockMoment(clock))
  const prefix = keys.waits(key)
  if (cursor !== undefined && !cursor.startsWith(prefix))
    throw new SluiceError('invalid_usage', `${cursor.slice(0, 100)} is no cursor of such a page.`, {
      hint: 'Give the `next` of the page before.',
    })
  const items = await store.list({
    prefix,
    limit: limit + 1,
    consistency: 'stale',
    ...(cursor === undefined ? {} : { after: cursor }),
  })
  return {
    holders: Object.entries(row.holders).map(([holder, { weight }]) => {
      const [run = '', number] = holder.split('/')
      return { run, number: Number(number), weight }
    }),
    waiters: items
      .slice(0, limit)
      .map(({ record: { run, number, weight = null } }) => ({ run, number, weight })),
    next: items.length > limit ? (items[limit - 1]?.key ?? null) : null,
  }
}

/** Uses with the labels of their tasks; those of runs that were forgotten meanwhile are left out. */
async function viewUses({ context }: Home, uses: Use[]): Promise<User[]> {
  const { store, plans } = context.ports
  const records = await store.read(uses.map(({ run, number }) => keys.taskRun(run, number)))
  const views = uses.map(async ({ run, number, weight }, index): Promise<User[]> => {
    const record = records[index]
    if (record === undefined) return []
    const [planned] = await plans.tasks(run, [number]).catch(() => [])
    const since = (record.status === 'running' ? record.startedAt : record.waitingSince) ?? null
    return [{ run, number, task: planned?.label ?? String(number), status: record.status, weight, since }]
  })
  return (await Promise.all(views)).flat()
}
