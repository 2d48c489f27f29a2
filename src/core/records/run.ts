import type { Params } from '../json.ts'
import type { Actor } from './actor.ts'
import type { Lock } from './lock-and-limit.ts'
import type { RunStatus } from './status.ts'
import type { Failure, Node } from './task-run.ts'

/** One request to make a root task complete, as it is carried out; itself a node that depends on its roots. */
export interface Run extends Node {
  kind: 'run'
  id: string
  request: string
  /** The pipeline, or the family if a task was asked for. */
  name: string
  family: string
  params: Params
  status: RunStatus
  createdAt: number
  /** When planning began to look at targets, by the steady clock: it is compared with {@link Lock.lastEndAt}. */
  plannedAt: number
  /** The planner's nonce and how long it may take before another takes over, by the steady clock. */
  nonce?: string
  worker?: string
  dueAt?: number
  tasks?: number
  /** How many of the plan's ready tasks have been released. */
  released?: number
  cancelledAt?: number
  /** Who cancelled it; absent if the engine did, or an earlier version, which did not keep it. */
  cancelledBy?: Actor
  /** How many of a cancelled run's tasks have been swept in this pass, and how many of these still run. */
  swept?: number
  leftRunning?: number
  endedAt?: number
  failure?: Failure
  /** What was forced to run again: `root`, or the task that was named. */
  forced?: string
  /** Who started it; a run that others have joined stays that of the first one. Absent in records of earlier versions. */
  startedBy?: Actor
  /** The interval that it was started for, as instants. */
  interval?: { start: number; end: number }
}

/** The generations of one request: a pipeline or task and its parameters. */
export interface RequestRecord {
  kind: 'request'
  id: string
  latest: number
  /** The latest generation that the schedule of the pipeline opened. */
  scheduled?: number
}

/** Where a pipeline's schedule stands. */
export interface ScheduleRecord {
  kind: 'schedule'
  pipeline: string
  paused: boolean
  /** When it was first resumed; nothing before is looked back at. */
  since?: number
  /** End of the last interval that is accounted for. */
  cursor: number
  /** Intervals that are not done, oldest first. */
  open: OpenInterval[]
}

/** An interval that a schedule still has to bring to its end. */
export interface OpenInterval {
  start: number
  end: number
  run?: string
  /** Its last run whose failure is noted. */
  lastRun?: string
  failures: number
  /** A failed one is opened again then, by the steady clock; absent once it has been given up. */
  retryAt?: number
}
