import type { z } from 'zod'
import { type AttemptParts, computeAttemptParts } from '../core/attempt-parts.ts'
import type { Stored } from '../core/change.ts'
import type { Json } from '../core/json.ts'
import type { PlannedTask } from '../core/plan.ts'
import { tellLaunch } from '../core/records/launch.ts'
import type { Run } from '../core/records/run.ts'
import type { Attempt, TaskRun } from '../core/records/task-run.ts'
import { findLuigiRootParams } from '../define/luigi-command.ts'
import type { RunShape, TaskShape } from './control.ts'
import type { Attempt as AttemptSchema } from './schemas.ts'

/** The shape of a run, from its record. */
export function viewRun(run: Run, unattendedSince: number | undefined): RunShape {
  const {
    id,
    name,
    status,
    createdAt,
    endedAt,
    tasks,
    interval,
    forced,
    startedBy,
    cancelledAt,
    cancelledBy,
  } = run
  return {
    run: id,
    name,
    params: findLuigiRootParams(run) ?? run.params,
    status,
    createdAt,
    endedAt: endedAt ?? null,
    tasks: tasks ?? 0,
    interval: interval ?? null,
    forced: forced ?? null,
    startedBy: startedBy ?? null,
    cancelledAt: cancelledAt ?? null,
    cancelledBy: cancelledBy ?? null,
    unattendedSince: unattendedSince ?? null,
  }
}

/** What the shape of a task is made from. */
export interface TaskRecords {
  task: TaskRun
  planned: PlannedTask
  attempts: Stored<Attempt>[]
  /** What a body without an output returned. */
  result: Json | undefined
  /** When its next attempt may start, by the wall clock. */
  notBefore: number | undefined
}

/** The shape of a task, from its records. */
export function viewTask({ task, planned, attempts, result, notBefore }: TaskRecords): TaskShape {
  return {
    number: task.number,
    task: planned.label,
    id: task.taskId,
    family: planned.family,
    params: planned.params,
    status: task.status,
    attempt: task.attempt,
    startedAt: task.startedAt ?? null,
    endedAt: task.endedAt ?? null,
    peakMemoryBytes: task.peakMemoryBytes ?? null,
    cpuSeconds: task.cpuSeconds ?? null,
    image: task.image ?? null,
    worker: task.worker ?? null,
    code: task.code ?? null,
    memoryMb: task.memoryMb ?? planned.policy.memoryMb ?? null,
    pool: task.pool,
    priority: task.priority,
    counts: task.counts ?? {},
    waitingSince: task.waitingSince ?? null,
    notBefore: notBefore ?? null,
    waitsFor: task.waitsFor ?? null,
    ...viewActs(task),
    progress: task.progress ?? null,
    failure: findTaskFailure(task, planned),
    ...viewLaunch(task),
    parts: viewParts(task),
    outputs: planned.outputs,
    result: result ?? null,
    attempts: attempts.map(viewAttempt),
  }
}

const viewActs = ({ cancelledAt, cancelledBy, markedAt, markedBy }: TaskRun) => ({
  cancelledAt: cancelledAt ?? null,
  cancelledBy: cancelledBy ?? null,
  markedAt: markedAt ?? null,
  markedBy: markedBy ?? null,
})

const viewLaunch = ({ launch, usage }: TaskRun): Pick<TaskShape, 'launch' | 'usage'> => ({
  launch: launch === undefined ? null : tellLaunch(launch),
  usage: usage ?? null,
})

/** A task run keeps no stack of a definition that threw while planning; the plan does. */
function findTaskFailure({ failure }: TaskRun, { failure: planning }: PlannedTask): TaskShape['failure'] {
  if (failure === undefined) return null
  return { ...failure, ...(planning?.stack === undefined ? {} : { stack: planning.stack }) }
}

function viewAttempt(record: Stored<Attempt>): z.output<typeof AttemptSchema> {
  const { kind: _, run: __, number: ___, version: ____, readyAt, waitedSince, times, ...attempt } = record
  const { startedAt, endedAt, launch } = attempt
  return {
    ...attempt,
    parts: computeAttemptParts({ readyAt, waitedSince, claimedAt: startedAt, endedAt, ...times, ...launch }),
  }
}

/** The parts of the attempt that is queued, runs or was last. One that has not been claimed still has the start of the one before. */
function viewParts({
  status,
  readyAt,
  waitedSince,
  startedAt = 0,
  endedAt,
  times,
  launch,
}: TaskRun): AttemptParts {
  const isClaimed =
    startedAt > 0 && (status === 'running' || (endedAt !== undefined && startedAt >= (readyAt ?? 0)))
  if (!isClaimed) return computeAttemptParts({ readyAt, waitedSince })
  return computeAttemptParts({
    readyAt,
    waitedSince,
    claimedAt: startedAt,
    endedAt,
    ...times,
    ...launch?.times,
  })
}
