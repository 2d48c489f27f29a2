import type { z } from 'zod'
import { SluiceError } from '../core/errors.ts'
import type { Run } from '../core/records/run.ts'
import type { Timeline } from './control.ts'
import { requireFamily } from './graph.ts'
import { viewGraphTasks } from './graph-window.ts'
import type { Home } from './home.ts'
import { type RunTable, readRunTable } from './run-table.ts'
import type { TimelineQuery } from './schemas.ts'

/** Steps of the load over the whole time of a run. */
const STEPS = 200

type Query = Omit<z.output<typeof TimelineQuery>, 'run'>

/** Tasks that ran within a span of time, by their start. */
export async function readTimeline(home: Home, run: Run, query: Query): Promise<Timeline> {
  const table = await readRunTable(home, run)
  const now = run.endedAt ?? home.context.ports.clock.now()
  const order = orderByStart(table)
  const found = findSpan(table, run, order, query, now)
  const start = query.cursor === undefined ? 0 : findWindowStart(table, found, query.cursor)
  const numbers = found.slice(start, start + query.limit)
  const [first] = order
  const startedAt = first === undefined ? null : (table.startedAt[first] ?? null)
  const endedAt = startedAt === null ? null : order.reduce((end, n) => Math.max(end, endOf(table, n, now)), 0)
  return {
    startedAt,
    endedAt,
    tasks: await viewGraphTasks(home, run.id, table, numbers),
    found: found.length,
    next: start + query.limit < found.length ? formatTimelineCursor(table, numbers.at(-1) ?? 0) : null,
    load: measureLoad(table, order, startedAt ?? 0, endedAt ?? 0, now),
  }
}

const orders = new WeakMap<RunTable, { version: number; order: number[] }>()

/** Numbers of the tasks that have begun, by their start; sorted again only if a task has changed. */
function orderByStart(table: RunTable): number[] {
  const known = orders.get(table)
  if (known?.version === table.version) return known.order
  const order = table.numbers
    .filter((number) => table.startedAt[number])
    .sort((a, b) => startOf(table, a) - startOf(table, b) || a - b)
  orders.set(table, { version: table.version, order })
  return order
}

const startOf = (table: RunTable, number: number) => table.startedAt[number] ?? 0
const endOf = (table: RunTable, number: number, now: number) =>
  Math.max(table.endedAt[number] || now, startOf(table, number))

function findSpan(table: RunTable, run: Run, order: number[], { from, to, family }: Query, now: number) {
  const wanted = family === undefined ? undefined : requireFamily(table, run, family)
  return order.filter(
    (number) =>
      (wanted === undefined || table.familyOf[number] === wanted) &&
      (to === undefined || startOf(table, number) <= to) &&
      (from === undefined || endOf(table, number, now) >= from),
  )
}

const formatTimelineCursor = (table: RunTable, number: number) => `${startOf(table, number)} ${number}`

function findWindowStart(table: RunTable, numbers: number[], cursor: string): number {
  const [, at, last] = /^(\d+) (\d+)$/.exec(cursor) ?? []
  if (at === undefined)
    throw new SluiceError('invalid_usage', `${cursor.slice(0, 100)} is no cursor of a timeline.`, {
      hint: 'Give the `next` of the window before.',
    })
  const start = numbers.findIndex((number) => {
    const startedAt = startOf(table, number)
    return startedAt > Number(at) || (startedAt === Number(at) && number > Number(last))
  })
  return start === -1 ? numbers.length : start
}

/** How many tasks ran in each step of the time of a run. */
function measureLoad(
  table: RunTable,
  order: number[],
  from: number,
  to: number,
  now: number,
): Timeline['load'] {
  const stepMs = Math.max(1, (to - from) / STEPS)
  const changes = new Array<number>(STEPS + 1).fill(0)
  const stepAt = (at: number) => Math.min(STEPS - 1, Math.floor((at - from) / stepMs))
  const change = (step: number, by: number) => {
    changes[step] = (changes[step] ?? 0) + by
  }
  for (const number of order) {
    change(stepAt(startOf(table, number)), 1)
    change(stepAt(endOf(table, number, now)) + 1, -1)
  }
  let running = 0
  return {
    stepMs,
    running: changes.slice(0, order.length === 0 ? 0 : STEPS).map((by) => {
      running += by
      return running
    }),
  }
}
