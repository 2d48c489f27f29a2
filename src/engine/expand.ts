import type { Change, Stored } from '../core/change.ts'
import { splitIntoChunks } from '../core/chunks.ts'
import { type FoundTask, findDependencyCycle, makeGatheringTask, numberPlanTasks } from '../core/graph.ts'
import { keys } from '../core/keys.ts'
import { mapShapeNumbers, type PlannedTask } from '../core/plan.ts'
import { PLAN_SLICE } from '../core/ports/deciding.ts'
import type { Ending } from '../core/ports/working.ts'
import { hasTaskEnded } from '../core/records/status.ts'
import type { TaskRun } from '../core/records/task-run.ts'
import { type Context, writeChangesSingly } from './context.ts'
import { listNumbers, putMissingTaskRuns } from './create-run.ts'
import { decideFirstMove } from './release.ts'

const CHUNK = 500
/** A chain of yields that is longer does not end by itself. */
const MAX_DEPTH = 100

/** Where the plan of what an attempt yielded is kept; only its owner saves one, so it is never another's. */
const formatExpansionName = ({ run, number, attempt }: Pick<TaskRun, 'run' | 'number' | 'attempt'>) =>
  `${run}~${number}.${attempt}`

/**
 * Keeps what an attempt yielded, before its end is written; returns the fields that open the bit for it.
 * Its tasks are gathered by one bodiless node, so that each yield adds a single bit to the one who yielded.
 */
export async function saveYieldedTasks(
  { ports }: Context,
  task: TaskRun,
  planned: PlannedTask,
  { roots, found }: NonNullable<Ending['yielded']>,
): Promise<Partial<TaskRun>> {
  const name = formatExpansionName(task)
  const root = makeGatheringTask(
    `${planned.id}/yield-${task.attempt}`,
    `what ${planned.label} yielded`,
    roots,
  )
  const plan = numberPlanTasks(
    planned.label,
    [root, ...found.map((each) => ({ ...each }))],
    ports.clock.steady(),
  )
  await ports.plans.save(name, plan)
  const onlyPlans = planned.command?.luigi?.plans !== undefined
  return { expansion: name, upstreams: task.upstreams + 1, ...(onlyPlans && { endsWithYield: true }) }
}

/** Why what was yielded can never be complete; undefined if nothing speaks against it. */
export async function findYieldProblem(
  { ports }: Context,
  task: TaskRun,
  planned: PlannedTask,
  found: FoundTask[],
): Promise<string | undefined> {
  const cycle = findDependencyCycle(found)
  if (cycle !== undefined) return `it yielded tasks that require each other: ${cycle.join(' → ')}`
  const byId = new Map(found.map((each) => [each.id, each]))
  const chain: string[] = []
  for (let each: PlannedTask | undefined = planned; each !== undefined; ) {
    chain.unshift(each.label)
    if (byId.has(each.id))
      return `it yielded tasks that need it themselves: ${chain.join(' → ')} → ${each.label}`
    if (chain.length > MAX_DEPTH)
      return `it was yielded through ${MAX_DEPTH} tasks that yield; that never ends`
    each = each.yielder === undefined ? undefined : (await ports.plans.tasks(task.run, [each.yielder]))[0]
  }
  return undefined
}

/**
 * Puts what a task yielded into its run: numbers for it, its plan with the edge to the one who yielded, its task
 * runs, then releases what is ready. Every step may be done again. What was begun is brought to its end also if the
 * task was cancelled meanwhile: a host that thaws would otherwise put task runs that nothing sweeps any more.
 */
export async function expandTaskRun(context: Context, task: Stored<TaskRun>): Promise<void> {
  const { store, plans } = context.ports
  const name = task.expansion
  if (name === undefined || !(task.status === 'expanding' || hasTaskEnded(task.status))) return
  const header = await plans.header(name)
  if (header === undefined) return
  const placed = await reserveNumbers(context, task, header.size)
  if (placed === undefined) return
  const base = placed.yields?.at(-1) ?? 0
  const local = await plans.tasks(name, listNumbers(0, header.size))
  const tasks = local.map((each) => shiftPlannedTask(each, base, placed))
  await plans.extend(task.run, base, tasks)
  for (const some of splitIntoChunks(tasks, CHUNK)) await putMissingTaskRuns(context, task.run, some)
  await releaseReadyTasks(context, task.run, tasks, new Set(header.ready.map((number) => base + number)))
  await store.write([
    {
      key: keys.taskRun(task.run, task.number),
      set: { expansion: undefined },
      if: { expansion: name },
    },
  ])
}

/**
 * Gives the yielded tasks their numbers, once; undefined if they have none and the task or the run has ended, or is
 * being cancelled: its sweep would not see them.
 */
async function reserveNumbers(
  { ports }: Context,
  task: Stored<TaskRun>,
  size: number,
): Promise<Stored<TaskRun> | undefined> {
  const [taskKey, runKey] = [keys.taskRun(task.run, task.number), keys.run(task.run)]
  for (let current = task; ; ) {
    const [run] = await ports.store.read([runKey])
    if (current.expansion !== task.expansion) return undefined
    if (hasReservedNumbers(current)) return current
    if (current.status !== 'expanding' || run?.status !== 'running' || run.cancelledAt !== undefined)
      return undefined
    // The number after the last stands for the run itself.
    const base = Math.ceil(((run.tasks ?? 0) + 1) / PLAN_SLICE) * PLAN_SLICE
    const yields = [...(current.yields ?? []), base]
    const changes: Change[] = [
      {
        key: runKey,
        set: { tasks: base + size },
        if: { tasks: run.tasks, status: 'running', cancelledAt: undefined },
      },
      { key: taskKey, set: { yields }, if: { version: current.version } },
    ]
    const result = await ports.store.write(changes)
    if (result.ok) return { ...current, yields, version: current.version + 1 }
    const [now] = await ports.store.read([taskKey])
    if (now === undefined) return undefined
    current = now
  }
}

/** Each yield has its place by now if there are as many as attempts that yielded. */
const hasReservedNumbers = (task: TaskRun) => (task.yields?.length ?? 0) >= (task.counts?.yielded ?? 0)

function shiftPlannedTask(task: PlannedTask, base: number, yielder: TaskRun): PlannedTask {
  const to = (number: number) => base + number
  const isRoot = task.number === 0
  return {
    ...task,
    number: to(task.number),
    yielder: yielder.number,
    upstreams: task.upstreams.map(to),
    dependents: isRoot
      ? [[yielder.number, yielder.upstreams - 1]]
      : task.dependents.map(([number, bit]) => [to(number), bit]),
    ...(task.requires === undefined ? {} : { requires: mapShapeNumbers(task.requires, to) }),
  }
}

async function releaseReadyTasks(
  { ports }: Context,
  run: string,
  tasks: PlannedTask[],
  ready: Set<number>,
): Promise<void> {
  const records = await ports.store.read(tasks.map((task) => keys.taskRun(run, task.number)))
  const now = ports.clock.now()
  const [runRecord] = await ports.store.read([keys.run(run)])
  const isOver = runRecord?.status !== 'running' || runRecord.cancelledAt !== undefined
  const changes = tasks.flatMap((task, index): Change[] => {
    const record = records[index]
    if (record?.status !== 'pending') return []
    const change = { key: keys.taskRun(run, task.number), if: { status: 'pending' } } as const
    // Its sweep may have passed before these tasks were there.
    if (isOver) return [{ ...change, set: { status: 'cancelled', endedAt: now } }]
    if (!ready.has(task.number)) return []
    return [{ ...change, set: decideFirstMove(task, now) }]
  })
  for (const some of splitIntoChunks(changes, CHUNK)) await writeChangesSingly(ports.store, some)
}

/** The tasks that earlier attempts yielded directly. */
export async function readYieldedDependencies({ ports }: Context, task: TaskRun): Promise<PlannedTask[]> {
  const found: PlannedTask[] = []
  let numbers = task.yields ?? []
  while (numbers.length > 0) {
    const tasks = await ports.plans.tasks(task.run, numbers)
    const gathered = tasks.filter((each) => each.join)
    for (const each of tasks) if (!each.join) found.push(each)
    numbers = gathered.flatMap((each) => each.upstreams)
  }
  return found
}
