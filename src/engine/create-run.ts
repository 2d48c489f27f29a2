import { makeEmptyBitmap, setBitmapBits } from '../core/bitmap.ts'
import { keys } from '../core/keys.ts'
import { mustHave } from '../core/must-have.ts'
import { DEFAULT_POOL, MissingTaskError, type Plan, type PlanHeader, type PlannedTask } from '../core/plan.ts'
import type { Run } from '../core/records/run.ts'
import type { TaskRun } from '../core/records/task-run.ts'
import { type Context, writeChangesSingly } from './context.ts'

const SLICE = 500

/**
 * Stores the plan, then every task run that is absent and has to wait, then opens the run for release: what nothing
 * holds back is put when it is released, once all that depends on it is there.
 * Each step may be done again by another planner: what stands is never overwritten.
 */
export async function createPlannedRun(
  context: Context,
  run: string,
  plan: Plan,
  nonce: string,
): Promise<void> {
  const { store, plans } = context.ports
  const isOurs = await plans.save(run, plan)
  const header = isOurs ? plan.header : await plans.header(run)
  // Another planner saved it, and the run has ended and been forgotten since.
  if (header === undefined) throw new MissingTaskError(run, 0)
  const isReady = new Uint8Array(header.size)
  for (const number of header.ready) isReady[number] = 1
  for (let start = 0; start < header.size; start += SLICE) {
    const numbers = listNumbers(start, Math.min(start + SLICE, header.size)).filter((each) => !isReady[each])
    const tasks = isOurs
      ? numbers.map((each) => mustHave(plan.tasks[each], 'task of the plan'))
      : await plans.tasks(run, numbers)
    await putMissingTaskRuns(context, run, tasks, isOurs ? (each) => plan.tasks[each] : undefined)
  }
  await store.write([
    {
      key: keys.run(run),
      set: await decideOpenedFields(context, run, header),
      if: { status: 'planning', nonce },
    },
  ])
}

/** The numbers from one to before another. */
export const listNumbers = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => from + index)

/** Puts the task runs that are absent, with the bits of complete upstreams set; `known` has the plan at hand. */
export async function putMissingTaskRuns(
  { ports }: Context,
  run: string,
  tasks: PlannedTask[],
  known?: (number: number) => PlannedTask | undefined,
): Promise<void> {
  if (tasks.length === 0) return
  const upstreams = [...new Set(tasks.flatMap((task) => task.upstreams))]
  const planned = known ? upstreams.map(known) : await ports.plans.tasks(run, upstreams)
  const complete = new Set(planned.flatMap((task) => (task?.complete ? [task.number] : [])))
  await writeChangesSingly(
    ports.store,
    tasks.map((task) => ({
      key: keys.taskRun(run, task.number),
      put: makeTaskRun(run, task, (upstream) => complete.has(upstream)),
      if: 'absent' as const,
    })),
  )
}

/** A task run as it is put. */
export function makeTaskRun(
  run: string,
  task: PlannedTask,
  isComplete: (upstream: number) => boolean,
): TaskRun {
  const bits = task.upstreams.flatMap((upstream, bit) => (isComplete(upstream) ? [bit] : []))
  const none = makeEmptyBitmap(task.upstreams.length)
  return {
    kind: 'taskRun',
    run,
    number: task.number,
    taskId: task.id,
    status: task.complete ? 'complete' : 'pending',
    attempt: 1,
    pool: task.policy.pool ?? DEFAULT_POOL,
    priority: task.policy.priority ?? 0,
    upstreams: task.upstreams.length,
    ended: setBitmapBits(none, bits),
    failed: none,
    ...(task.join ? { join: true } : {}),
  }
}

/** The run's fields once all its task runs exist; a complete root ends it at once. */
async function decideOpenedFields(
  { ports }: Context,
  run: string,
  header: PlanHeader,
): Promise<Partial<Run>> {
  const [root] = await ports.plans.tasks(run, [header.root])
  const none = makeEmptyBitmap(1)
  const planned = { plannedAt: header.plannedAt, tasks: header.size, released: 0, failed: none }
  const handedOver = { nonce: undefined, worker: undefined, dueAt: undefined }
  if (!root?.complete) return { ...planned, ...handedOver, status: 'running', ended: none }
  const endedAt = ports.clock.now()
  return { ...planned, ...handedOver, status: 'succeeded', ended: setBitmapBits(none, [0]), endedAt }
}
