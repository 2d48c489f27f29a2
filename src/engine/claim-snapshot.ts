import type { Stored } from '../core/change.ts'
import type { ClaimSnapshot } from '../core/claim.ts'
import { keys } from '../core/keys.ts'
import { makeLimitWaitKey } from '../core/limit-row.ts'
import { listShapeNumbers, MissingTaskError, type PlannedTask } from '../core/plan.ts'
import type { Runner } from '../core/ports/working.ts'
import type { Lock } from '../core/records/lock-and-limit.ts'
import type { Run } from '../core/records/run.ts'
import type { TaskRun } from '../core/records/task-run.ts'
import type { Context } from './context.ts'
import { joinLimitRows, type LimitRow, listTaskLimitNeeds } from './limits.ts'
import { findLostTarget, readRunningMaker } from './makers.ts'

/** What a claim is decided by, as the engine reads it: with the versions that its writes are conditional on. */
export interface ReadSnapshot<T extends TaskRun = TaskRun> extends ClaimSnapshot<LimitRow> {
  run: Run
  task: T
  planned: PlannedTask
  upstreams: PlannedTask[]
  lock: Stored<Lock> | undefined
}

/** Reads what the claim of an attempt is decided by: the lock and the limits in one request. */
export async function readClaimSnapshot<T extends TaskRun>(
  context: Context,
  run: Run,
  task: T,
  planned: PlannedTask,
): Promise<ReadSnapshot<T>> {
  const needs = listTaskLimitNeeds(context, planned)
  const [upstreams, [lock, ...rows]] = await Promise.all([
    readPlannedUpstreams(context, run.id, planned),
    context.ports.store.read([keys.lock(task.taskId), ...needs.map(({ key }) => key)] as const),
  ])
  return {
    run,
    task,
    planned,
    upstreams,
    lock,
    limits: await findPlaces(context, task, joinLimitRows(context, needs, rows)),
    undefinedFamily: findUndefinedFamily(context, planned, upstreams),
    lostTarget: findLostTarget(lock, planned.outputs),
    earlierMaker: await readRunningMaker(context.ports.store, lock),
  }
}

/**
 * The limits, and whether the task comes first of all who wait. That is looked at only for a task that was woken for one of several: if
 * it had to queue behind later ones for the next, and gave back what it was woken for, it might never get all of them.
 */
async function findPlaces({ ports }: Context, task: TaskRun, limits: LimitRow[]): Promise<LimitRow[]> {
  if (task.waitingSince === undefined || limits.length < 2) return limits
  return Promise.all(
    limits.map(async (limit) => {
      const { need, now } = limit
      if (need.of !== 'resource' || !now.waiting) return limit
      const [first] = await ports.store.list({
        prefix: keys.waits(need.key),
        limit: 1,
        consistency: 'strong',
      })
      const isFirst = first === undefined || makeLimitWaitKey(need.key, task, ports.clock.now()) < first.key
      return { ...limit, isFirst }
    }),
  )
}

/** The same after a look at the targets of the task. */
export async function checkSnapshotTargets<T extends TaskRun>(
  { ports }: Context,
  snapshot: ReadSnapshot<T>,
): Promise<ReadSnapshot<T>> {
  const [isComplete = false] = await ports.completeness.areComplete([snapshot.planned])
  return { ...snapshot, isComplete }
}

/** Whether this process defines the task that a run is for. */
export async function isRootDefined(context: Context, run: string): Promise<boolean> {
  const { plans } = context.ports
  const header = await plans.header(run)
  const roots = header === undefined ? [] : await plans.tasks(run, [header.root])
  return roots.every((root) => isDefined(context, root))
}

/** The family of the task or of one of its upstreams that this process does not define: another may. */
function findUndefinedFamily(
  context: Context,
  planned: PlannedTask,
  upstreams: PlannedTask[],
): string | undefined {
  if (context.ports.runner.defines === undefined || planned.command !== undefined) return undefined
  return [planned, ...upstreams].find((task) => !isDefined(context, task))?.family
}

const isDefined = ({ ports }: Context, task: Parameters<NonNullable<Runner['defines']>>[0]) =>
  ports.runner.defines?.(task) ?? true

/** The tasks whose outputs a task gets, as they were planned. */
export async function readPlannedUpstreams(
  { ports }: Context,
  run: string,
  { requires }: PlannedTask,
): Promise<PlannedTask[]> {
  const numbers = listShapeNumbers(requires)
  return numbers.length === 0 ? [] : ports.plans.tasks(run, [...new Set(numbers)])
}

/** The task as it was planned. Throws a {@link MissingTaskError} if its run was forgotten. */
export async function readPlannedTask(
  { ports }: Context,
  { run, number }: Pick<TaskRun, 'run' | 'number'>,
): Promise<PlannedTask> {
  const [planned] = await ports.plans.tasks(run, [number])
  if (planned === undefined) throw new MissingTaskError(run, number)
  return planned
}
