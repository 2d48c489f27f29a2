import type { z } from 'zod'
import { SluiceError } from '../core/errors.ts'
import type { Run } from '../core/records/run.ts'
import { hasTaskEnded } from '../core/records/status.ts'
import type { Cone, GraphTasks, RunGraph } from './control.ts'
import { findTask } from './find-tasks.ts'
import { listCone, viewGraphWindow } from './graph-window.ts'
import type { Home } from './home.ts'
import { NO_FAMILY, type RunTable, readRunTable } from './run-table.ts'
import type { ConeQuery, GraphTasksQuery } from './schemas.ts'

type FamilyShape = RunGraph['families'][number]
type EdgeShape = RunGraph['edges'][number]

const MAX_FAMILIES = 2_000
const MAX_EDGES = 20_000

/** The graph of a run, with one node for each family. */
export async function readRunGraph(home: Home, run: Run): Promise<RunGraph> {
  const table = await readRunTable(home, run)
  const families = summarizeFamilies(table)
  const all = foldEdges(table)
  const edges = all.filter(({ from, to }) => from < MAX_FAMILIES && to < MAX_FAMILIES).slice(0, MAX_EDGES)
  return {
    run: run.id,
    families: families.slice(0, MAX_FAMILIES),
    edges,
    more: { families: Math.max(0, families.length - MAX_FAMILIES), edges: all.length - edges.length },
  }
}

const summaries = new WeakMap<RunTable, { version: number; families: FamilyShape[] }>()

/** Each family of a run: its tasks by status, and when they ran. It is counted again only if a task has changed. */
export function summarizeFamilies(table: RunTable): FamilyShape[] {
  const known = summaries.get(table)
  if (known?.version === table.version) return known.families
  const families = table.families.map((family): FamilyShape => {
    return { family, tasks: 0, counts: {}, startedAt: null, endedAt: null, ran: 0, ranMs: 0 }
  })
  for (const number of table.numbers) {
    const family = families[table.familyOf[number] ?? NO_FAMILY]
    if (family !== undefined) countTask(family, table, number)
  }
  summaries.set(table, { version: table.version, families })
  return families
}

function countTask(family: FamilyShape, table: RunTable, number: number): void {
  const status = table.status[number] ?? 'pending'
  const [startedAt = 0, endedAt = 0] = [table.startedAt[number], table.endedAt[number]]
  family.tasks += 1
  family.counts[status] = (family.counts[status] ?? 0) + 1
  if (startedAt === 0) return
  family.startedAt = Math.min(family.startedAt ?? startedAt, startedAt)
  if (!hasTaskEnded(status) || endedAt === 0) return
  family.endedAt = Math.max(family.endedAt ?? endedAt, endedAt)
  family.ran += 1
  family.ranMs += Math.max(0, endedAt - startedAt)
}

const foldedEdges = new WeakMap<RunTable, { size: number; edges: EdgeShape[] }>()

/** Edges between families, with joins looked through. They change only if the run gains tasks. */
function foldEdges(table: RunTable): EdgeShape[] {
  const known = foldedEdges.get(table)
  if (known?.size === table.numbers.length) return known.edges
  const edges = new Map<string, EdgeShape>()
  const joins = new Map<number, Map<number, number>>()
  for (const number of table.numbers)
    for (const [from, count] of countUpstreamFamilies(table, number, joins)) {
      const to = table.familyOf[number] ?? NO_FAMILY
      const edge = edges.get(`${from} ${to}`)
      if (edge === undefined) edges.set(`${from} ${to}`, { from, to, count })
      else edge.count += count
    }
  const folded = [...edges.values()]
  foldedEdges.set(table, { size: table.numbers.length, edges: folded })
  return folded
}

/** How many direct upstreams of each family a task or join has. */
function countUpstreamFamilies(
  table: RunTable,
  number: number,
  joins: Map<number, Map<number, number>>,
): Map<number, number> {
  const counts = new Map<number, number>()
  const add = (family: number, count: number) => counts.set(family, (counts.get(family) ?? 0) + count)
  for (const each of table.upstreams.of(number)) {
    const family = table.familyOf[each]
    if (family === undefined) continue
    if (family !== NO_FAMILY) {
      add(family, 1)
      continue
    }
    const through = joins.get(each) ?? countUpstreamFamilies(table, each, joins)
    joins.set(each, through)
    for (const [of, count] of through) add(of, count)
  }
  return counts
}

/** A window of the tasks of a run or of one of its families, by number. */
export async function readGraphTasks(
  home: Home,
  run: Run,
  { family, cursor, limit }: Omit<z.output<typeof GraphTasksQuery>, 'run'>,
): Promise<GraphTasks> {
  const table = await readRunTable(home, run)
  const wanted = family === undefined ? undefined : requireFamily(table, run, family)
  const all =
    wanted === undefined ? table.numbers : table.numbers.filter((number) => table.familyOf[number] === wanted)
  const start = cursor === undefined ? 0 : findWindowStart(all, cursor)
  const numbers = all.slice(start, start + limit)
  const next = start + limit < all.length ? String(numbers.at(-1)) : null
  return { ...(await viewGraphWindow(home, run.id, table, numbers)), all: all.length, next }
}

/** The index of a family; throws if the run has no such tasks. */
export function requireFamily(table: RunTable, run: Run, family: string): number {
  const index = table.findFamily(family)
  if (index !== NO_FAMILY) return index
  throw new SluiceError('unknown_task', `Run ${run.id} has no tasks of the family ${family.slice(0, 200)}.`, {
    hint: `Its families: ${table.families.slice(0, 10).join(', ')}${table.families.length > 10 ? ', …' : ''}.`,
  })
}

function findWindowStart(numbers: number[], cursor: string): number {
  const after = Number(cursor)
  if (!Number.isInteger(after))
    throw new SluiceError('invalid_usage', `${cursor.slice(0, 100)} is no cursor of a window of tasks.`, {
      hint: 'Give the `next` of the window before.',
    })
  const start = numbers.findIndex((number) => number > after)
  return start === -1 ? numbers.length : start
}

/** A task with the nearest of what it needs and of what needs it, and how much is left out. */
export async function readCone(
  home: Home,
  run: Run,
  { task, limit }: Omit<z.output<typeof ConeQuery>, 'run'>,
): Promise<Cone> {
  const { number } = (await findTask(home, run, task)).task
  const table = await readRunTable(home, run)
  const [upstreams, dependents] = [listCone(table, [number], true), listCone(table, [number], false)]
  const shown = new Set([number, ...upstreams.slice(0, limit), ...dependents.slice(0, limit)])
  const cut = [
    ...countCut(table, 'upstream', upstreams, shown),
    ...countCut(table, 'dependent', dependents, shown),
  ]
  return {
    ...(await viewGraphWindow(home, run.id, table, [...shown])),
    number,
    upstreams: upstreams.length,
    dependents: dependents.length,
    cut,
  }
}

function countCut(
  table: RunTable,
  side: Cone['cut'][number]['side'],
  numbers: number[],
  shown: Set<number>,
): Cone['cut'] {
  const counts = new Map<number, number>()
  for (const number of numbers)
    if (!shown.has(number)) {
      const family = table.familyOf[number] ?? NO_FAMILY
      counts.set(family, (counts.get(family) ?? 0) + 1)
    }
  return [...counts].map(([family, tasks]) => ({ side, family: table.families[family] ?? '', tasks }))
}
