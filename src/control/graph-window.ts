import type { GraphTasks } from './control.ts'
import type { Home } from './home.ts'
import { NO_FAMILY, type RunTable } from './run-table.ts'

type GraphTaskShape = GraphTasks['tasks'][number]
type Window = Pick<GraphTasks, 'tasks' | 'edges' | 'moreEdges' | 'outside'>
type Side = Window['outside'][number]['side']

const MAX_EDGES = 10_000

/** What is directly upstream of a task, or depends on it, with joins looked through. */
interface Neighbours {
  shown: number[]
  /** How many others, by index of their family. */
  others: Map<number, number>
}

/** The shapes of some tasks of a run, in the order of the numbers. */
export async function viewGraphTasks(
  { context }: Home,
  run: string,
  table: RunTable,
  numbers: number[],
): Promise<GraphTaskShape[]> {
  const planned = await context.ports.plans.tasks(run, numbers)
  return planned.map(({ number, label, family }) => ({
    number,
    task: label,
    family,
    status: table.status[number] ?? 'pending',
    startedAt: table.startedAt[number] || null,
    endedAt: table.endedAt[number] || null,
  }))
}

/** Some tasks of a run, the edges between them, and what else they are connected with. */
export async function viewGraphWindow(
  home: Home,
  run: string,
  table: RunTable,
  numbers: number[],
): Promise<Window> {
  const shown = new Set(numbers)
  const [above, below] = [makeNeighbourFinder(table, shown, true), makeNeighbourFinder(table, shown, false)]
  const edges = numbers.flatMap((to) => above(to).shown.map((from) => ({ from, to })))
  const outsideOf = (number: number, side: Side, { others }: Neighbours) =>
    [...others].map(([family, tasks]) => ({ number, side, family: table.families[family] ?? '', tasks }))
  return {
    tasks: await viewGraphTasks(home, run, table, numbers),
    edges: edges.slice(0, MAX_EDGES),
    moreEdges: Math.max(0, edges.length - MAX_EDGES),
    outside: numbers.flatMap((number) => [
      ...outsideOf(number, 'upstream', above(number)),
      ...outsideOf(number, 'dependent', below(number)),
    ]),
  }
}

/** Finds neighbours of tasks; each join is looked through once. */
function makeNeighbourFinder(table: RunTable, shown: Set<number>, isUpwards: boolean) {
  const lists = isUpwards ? table.upstreams : table.dependents
  const known = new Map<number, Neighbours>()
  const find = (number: number): Neighbours => {
    const before = known.get(number)
    if (before !== undefined) return before
    const found: Neighbours = { shown: [], others: new Map() }
    for (const each of lists.of(number)) {
      const family = table.familyOf[each]
      if (shown.has(each)) found.shown.push(each)
      else if (family === NO_FAMILY) addNeighbours(found, find(each))
      // Beyond the last task is the run itself.
      else if (family !== undefined) countOther(found, family, 1)
    }
    known.set(number, found)
    return found
  }
  return find
}

function addNeighbours(to: Neighbours, { shown, others }: Neighbours): void {
  for (const each of shown) to.shown.push(each)
  for (const [family, tasks] of others) countOther(to, family, tasks)
}

function countOther({ others }: Neighbours, family: number, tasks: number): void {
  others.set(family, (others.get(family) ?? 0) + tasks)
}

/** What tasks need, or what needs them, in all: the nearest first. One of them is among it only if it is above or below another. */
export function listCone(table: RunTable, middles: readonly number[], isUpwards: boolean): number[] {
  const lists = isUpwards ? table.upstreams : table.dependents
  const seen = new Set<number>()
  const add = (number: number) => {
    for (const each of lists.of(number)) if (table.has(each)) seen.add(each)
  }
  for (const middle of middles) add(middle)
  const found: number[] = []
  // A set goes on with what is added while it is read.
  for (const number of seen) {
    if (table.familyOf[number] !== NO_FAMILY) found.push(number)
    add(number)
  }
  return found
}
