import { splitIntoChunks } from './chunks.ts'
import type { Params } from './json.ts'
import type { Command, ContainerProgram, Plan, PlannedJob, PlannedTask, Policy, Shape } from './plan.ts'
import { type Failure, MAX_FAN_IN } from './records/task-run.ts'

/** A task as planning found it; upstreams by id, which may not be found themselves if the task is complete. */
export interface FoundTask {
  id: string
  family: string
  params: Params
  label: string
  /** Ids of its upstreams in the shape of `requires`. */
  requires?: IdShape
  upstreams: string[]
  outputs: string[]
  complete?: true
  failure?: Failure
  /** A bodiless node that only gathers its upstreams. */
  join?: true
  forced?: true
  command?: Command
  container?: ContainerProgram
  job?: PlannedJob
  policy: Policy
}

/** Ids of upstreams in the shape in which `requires` returned them. */
export type IdShape = string | IdShape[] | { [name: string]: IdShape }

/** A bodiless node that gathers these tasks. */
export const makeGatheringTask = (id: string, label: string, upstreams: string[]): FoundTask => ({
  id,
  family: 'join',
  params: {},
  label,
  upstreams,
  outputs: [],
  join: true,
  policy: JOIN_POLICY,
})

const JOIN_POLICY: Policy = {
  retry: { attempts: 1, delayMs: 0, backoff: 'fixed' },
  fresh: 'run',
  secrets: {},
}

/**
 * Numbers the found tasks (the first is the root), adds joins above the fan-in that a record holds, and turns edges round.
 * Found tasks become those of the plan themselves: a copy of each would take a third more memory.
 */
export function numberPlanTasks(
  name: string,
  found: FoundTask[],
  plannedAt: number,
  maxFanIn = MAX_FAN_IN,
): Plan {
  const numbers = assignNumbers(found)
  const tasks = found.map((task, number): PlannedTask => toPlanned(task, number, numbers))
  // Joins are added behind them.
  for (let number = 0; number < found.length; number++)
    addJoins(tasks, tasks[number] as PlannedTask, maxFanIn)
  for (const task of tasks)
    task.upstreams.forEach((upstream, bit) => {
      addDependent(tasks[upstream], [task.number, bit])
    })
  addDependent(tasks[0], [tasks.length, 0])
  const ready = tasks.filter((task) => isReady(task, tasks)).map((task) => task.number)
  return { header: { name, root: 0, plannedAt, size: tasks.length, ready }, tasks }
}

/** The first one makes an array of one: room for more is a third of a plan's memory, and most tasks have one. */
function addDependent(task: PlannedTask | undefined, edge: PlannedTask['dependents'][number]): void {
  if (task === undefined) return
  if (task.dependents.length === 0) task.dependents = [edge]
  else task.dependents.push(edge)
}

function assignNumbers(found: readonly Pick<FoundTask, 'id'>[]): Map<string, number> {
  const numbers = new Map<string, number>()
  found.forEach(({ id }, number) => {
    numbers.set(id, number)
  })
  return numbers
}

function toPlanned(task: FoundTask, number: number, numbers: Map<string, number>): PlannedTask {
  const numberOf = (id: string) => numbers.get(id) ?? -1
  const upstreams = task.upstreams.length === 0 ? [] : [...new Set(task.upstreams)].map(numberOf)
  const edges = { number, upstreams, dependents: [] }
  const { requires } = task
  if (requires !== undefined) return Object.assign(task, edges, { requires: toNumbers(requires, numberOf) })
  const withoutShape: Omit<FoundTask, 'requires'> = task
  return Object.assign(withoutShape, edges)
}

function toNumbers(shape: IdShape, numberOf: (id: string) => number): Shape {
  if (typeof shape === 'string') return numberOf(shape)
  if (Array.isArray(shape)) return shape.map((each) => toNumbers(each, numberOf))
  return Object.fromEntries(Object.entries(shape).map(([name, each]) => [name, toNumbers(each, numberOf)]))
}

/** Replaces upstreams beyond the limit by bodiless nodes, in as many layers as it takes. */
function addJoins(tasks: PlannedTask[], task: PlannedTask, maxFanIn: number): void {
  while (task.upstreams.length > maxFanIn) {
    const gathered: number[] = []
    for (const upstreams of splitIntoChunks(task.upstreams, maxFanIn)) {
      const number = tasks.length
      gathered.push(number)
      tasks.push({
        number,
        id: `${task.id}/join-${number}`,
        family: 'join',
        params: {},
        label: `join of ${task.label}`,
        upstreams,
        dependents: [],
        outputs: [],
        join: true,
        policy: JOIN_POLICY,
      })
    }
    task.upstreams = gathered
  }
}

function isReady(task: PlannedTask, tasks: PlannedTask[]): boolean {
  return !task.complete && task.upstreams.every((upstream) => tasks[upstream]?.complete !== undefined)
}

/**
 * A cycle among the found tasks as labels, the first repeated at the end; undefined if there is none. `labelOf` names a task in it.
 * @default by its label
 */
export function findDependencyCycle<T extends Pick<FoundTask, 'id' | 'label' | 'upstreams'>>(
  found: readonly T[],
  labelOf: (task: T) => string = ({ label }) => label,
): string[] | undefined {
  // Many large plans are flat, and numbering their tasks takes as long as reading them.
  if (found.every(({ upstreams }) => upstreams.length === 0)) return undefined
  const numbers = assignNumbers(found)
  const cycle = findCycle(
    found.map(({ upstreams }) => ({ upstreams: upstreams.map((id) => numbers.get(id) ?? -1) })),
  )
  return cycle && closeCycle(cycle.flatMap((number) => found[number] ?? []).map(labelOf))
}

/** The same for a plan, whose edges need not be looked up. */
export function findPlanCycle({ tasks }: Plan): string[] | undefined {
  const cycle = findCycle(tasks)
  return (
    cycle &&
    closeCycle(
      cycle.flatMap((number) => tasks[number] ?? []).flatMap(({ join, label }) => (join ? [] : label)),
    )
  )
}

const closeCycle = (labels: string[]): string[] => [...labels, ...labels.slice(0, 1)]

/** A task whose upstreams have numbers; that of one which was not found is less than zero. */
type NumberedTask = Pick<PlannedTask, 'upstreams'>

/** The numbers of tasks on a cycle, each before one of its upstreams; undefined if there is none. */
function findCycle(tasks: readonly NumberedTask[]): number[] | undefined {
  const isLeft = findUnordered(tasks)
  const start = isLeft.indexOf(1)
  if (start < 0) return undefined
  const path: number[] = []
  const position = new Map<number, number>()
  let number: number | undefined = start
  while (number !== undefined && !position.has(number)) {
    position.set(number, path.length)
    path.push(number)
    number = tasks[number]?.upstreams.find((each) => isLeft[each] === 1)
  }
  return path.slice(number === undefined ? 0 : position.get(number))
}

/** 1 for each task that cannot be put in an order: those on a cycle or downstream of one (Kahn, 1962). */
function findUnordered(tasks: readonly NumberedTask[]): Uint8Array {
  const { waiting, first, downstream } = listEdges(tasks)
  const free: number[] = []
  waiting.forEach((count, number) => {
    if (count === 0) free.push(number)
  })
  for (let number = free.pop(); number !== undefined; number = free.pop())
    for (let edge = first[number] ?? 0; edge < (first[number + 1] ?? 0); edge++) {
      const next = downstream[edge] ?? 0
      waiting[next] = (waiting[next] ?? 0) - 1
      if (waiting[next] === 0) free.push(next)
    }
  return Uint8Array.from(waiting, (count) => (count === 0 ? 0 : 1))
}

/**
 * The edges between tasks: how many upstreams each waits for, and its downstreams, which stand in one list from
 * `first[number]` to before `first[number + 1]`. An array for each task would take more than the plan.
 */
function listEdges(tasks: readonly NumberedTask[]) {
  const waiting = new Int32Array(tasks.length)
  const first = new Int32Array(tasks.length + 1)
  const forEachEdge = (visit: (upstream: number, number: number) => void) => {
    tasks.forEach(({ upstreams }, number) => {
      for (const upstream of upstreams) if (upstream >= 0) visit(upstream, number)
    })
  }
  forEachEdge((upstream, number) => {
    waiting[number] = (waiting[number] ?? 0) + 1
    first[upstream + 1] = (first[upstream + 1] ?? 0) + 1
  })
  for (let number = 0; number < tasks.length; number++)
    first[number + 1] = (first[number + 1] ?? 0) + (first[number] ?? 0)
  const downstream = new Int32Array(first[tasks.length] ?? 0)
  const next = first.slice()
  forEachEdge((upstream, number) => {
    const place = next[upstream] ?? 0
    downstream[place] = number
    next[upstream] = place + 1
  })
  return { waiting, first, downstream }
}
