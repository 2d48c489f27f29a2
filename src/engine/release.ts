import { findStandingRecord, type Stored, type WriteResult } from '../core/change.ts'
import { keys } from '../core/keys.ts'
import type { PlannedTask } from '../core/plan.ts'
import type { Ports } from '../core/ports/deciding.ts'
import type { Run } from '../core/records/run.ts'
import { isRunOpen } from '../core/records/status.ts'
import type { TaskRun } from '../core/records/task-run.ts'
import { shortenFailure } from '../core/retry.ts'
import { type Context, writeChangesSingly } from './context.ts'
import { makeTaskRun } from './create-run.ts'

const CHUNK = 500

/**
 * Puts the next ready tasks of a run as what they become; counting them brings the run back through the feed until all
 * are out. Those of a cancelled run are put as cancelled. False if there were none left.
 */
export async function releaseNextTasks({ ports, settings }: Context, run: Stored<Run>): Promise<boolean> {
  const released = run.released ?? 0
  const tasks = await ports.plans.tasks(run.id, await listReadyNumbers(ports, run, settings.page ?? CHUNK))
  if (tasks.length === 0) return false
  const now = ports.clock.now()
  const move = (task: PlannedTask): Partial<TaskRun> =>
    run.cancelledAt === undefined ? decideFirstMove(task, now) : { status: 'cancelled', endedAt: now }
  const results = await writeChangesSingly(
    ports.store,
    tasks.map((task) => ({
      key: keys.taskRun(run.id, task.number),
      // All its upstreams are complete.
      put: { ...makeTaskRun(run.id, task, () => true), ...move(task) },
      if: 'absent' as const,
    })),
  )
  // A planner of an older version has put them already.
  const waiting = tasks.filter((_, index) => isPending(results[index]))
  await writeChangesSingly(
    ports.store,
    waiting.map((task) => ({
      key: keys.taskRun(run.id, task.number),
      set: move(task),
      if: { status: 'pending' },
    })),
  )
  const counted = await ports.store.write([
    {
      key: keys.run(run.id),
      set: { released: released + tasks.length },
      if: { released, status: 'running' },
    },
  ])
  if (!counted.ok) await takeBack(ports, run.id, findStandingRecord(counted, 'run'), tasks, results)
  return true
}

/**
 * The run was forgotten while this process stood still, or is about to be: nothing would ever remove what it has put since.
 * A run that has ended has no queued task; one of version 1 was not changed since this process put it.
 */
async function takeBack(
  { store }: Ports,
  id: string,
  run: Run | undefined,
  tasks: PlannedTask[],
  results: WriteResult[],
): Promise<void> {
  if (run !== undefined && isRunOpen(run.status)) return
  const put = tasks.filter((_, index) => results[index]?.ok)
  await writeChangesSingly(
    store,
    put.map(({ number }) => ({
      key: keys.taskRun(id, number),
      remove: true,
      ...(run === undefined ? {} : { if: { version: 1, status: 'queued' as const } }),
    })),
  )
}

const isPending = (result: WriteResult | undefined) =>
  result !== undefined && findStandingRecord(result, 'taskRun')?.status === 'pending'

/** The numbers of the next tasks of an open run that are to be released; they have no record yet. */
export async function listReadyNumbers(
  { plans }: Ports,
  run: Run,
  limit = Number.POSITIVE_INFINITY,
): Promise<number[]> {
  const released = run.released ?? 0
  return (await plans.header(run.id))?.ready.slice(released, released + limit) ?? []
}

/**
 * What becomes of a task without upstreams that have to run. One whose definition threw while planning fails now, and
 * takes only its dependents along.
 */
export function decideFirstMove(task: PlannedTask, now: number): Partial<TaskRun> {
  if (task.failure !== undefined)
    return { status: 'failed', failure: shortenFailure(task.failure), endedAt: now }
  return task.join ? { status: 'succeeded', endedAt: now } : { status: 'queued', readyAt: now }
}
