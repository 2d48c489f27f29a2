import type { Key } from './keys.ts'

/**
 * The records of the engine as they are stored; `keys.ts` has their keys. All instants are milliseconds since 1970, by
 * the wall clock; those of leases and delays are by {@link Clock.steady}, and say so.
 */

/** Status of one task within a run; see docs/state-machine.md for every transition. */
export type TaskStatus =
  | 'pending'
  | 'queued'
  | 'running'
  | 'waiting'
  | 'expanding'
  | 'succeeded'
  | 'complete'
  | 'failed'
  | 'upstream_failed'
  | 'cancelled'

/** Status of a run. */
export type RunStatus = 'planning' | 'running' | 'succeeded' | 'failed' | 'cancelled'

/** How one attempt ended. Only `failed`, `timed_out` and `out_of_memory` use up the retry policy. */
export type AttemptOutcome =
  | 'succeeded'
  | 'failed'
  | 'timed_out'
  | 'out_of_memory'
  | 'lost'
  | 'interrupted'
  | 'not_started'
  | 'throttled'
  | 'over_budget'
  | 'yielded'
  | 'cancelled'

/** Any value that survives JSON. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json }
/** Parameters of a task as JSON. */
export type Params = { [name: string]: Json }

/** What a failed attempt or task says to the person who reads it. */
export interface Failure {
  outcome: AttemptOutcome | 'planning' | 'adopted'
  message: string
  /** The stack of an exception in user code; absent for deaths of a process. */
  stack?: string
}

/** Fields that settle a node of the graph: two bitmaps over its upstreams (base64). No rule ever unsets a bit. */
export interface Node {
  /** Number of direct upstreams, at most {@link MAX_FAN_IN}. */
  upstreams: number
  ended: string
  failed: string
}

/** A task run: one task within one run. */
export interface TaskRun extends Node {
  kind: 'taskRun'
  run: string
  number: number
  taskId: string
  status: TaskStatus
  /** The attempt that is queued, running or was last; from 1. */
  attempt: number
  /** How many attempts ended by each cause; every cause has its own limit. */
  counts?: Partial<Record<AttemptOutcome, number>>
  /** The queue that its attempts go through. */
  pool: string
  /** Higher goes first among what waits or is queued. */
  priority: number
  /** Its memory after an attempt ran out of it; absent: what the plan says. */
  memoryMb?: number
  /** How often it ran out of budget since its last checkpoint. */
  emptyHanded?: number
  /** Numbers of the joins that gather what it yielded, in order; the last may still be expanding. */
  yields?: number[]
  /** The running attempt holds places, slots or reservations. */
  holds?: true
  /** What it yielded last is not in the run yet. */
  expansion?: string
  /** A bodiless node that gathers up to {@link MAX_FAN_IN} upstreams. */
  join?: true
  /** Who may write the end of the running attempt. */
  nonce?: string
  /** The worker process that claimed the attempt. */
  worker?: string
  /** By the steady clock. */
  leaseUntil?: number
  /** When the tick has to look at this record, by the steady clock; coarse, not moved by heartbeats. */
  dueAt?: number
  /** A queued attempt is not to start before, by the steady clock. */
  notBefore?: number
  /** Key of the row that it waits for, or `target` for an external task. */
  waitsFor?: Key<'lock' | 'limit'> | 'target'
  waitingSince?: number
  startedAt?: number
  endedAt?: number
  peakMemoryBytes?: number
  cpuSeconds?: number
  /** The version of the pipelines' code that the attempt runs with, where the deployment knows one. */
  code?: string
  progress?: Progress
  failure?: Failure
}

/** What a body last reported about itself. */
export interface Progress {
  done: number
  total?: number
  text?: string
}

/** One request to make a root task complete, as it is carried out; itself a node that depends on its roots. */
export interface Run extends Node {
  kind: 'run'
  id: string
  request: string
  /** The pipeline, or the family where a task was asked for. */
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
  /** How many of a cancelled run's tasks have been swept in this pass, and how many of these still run. */
  swept?: number
  leftRunning?: number
  endedAt?: number
  failure?: Failure
  /** What was forced to run again: `root`, or the task that was named. */
  forced?: string
  /** The interval that it was started for, as instants. */
  interval?: { start: number; end: number }
}

/** The generations of one request: a pipeline or task and its parameters. */
export interface RequestRecord {
  kind: 'request'
  id: string
  latest: number
}

/** One task id across all runs: who runs it, how it last ended. */
export interface Lock {
  kind: 'lock'
  taskId: string
  /** `run/number/attempt` of the attempt that holds it. */
  holder?: string
  /** When an attempt last ended, by the steady clock, however it ended: since then the target may be there. */
  lastEndAt?: number
  /** A failed attempt's back-off holds for every run; by the steady clock. */
  backoffUntil?: number
  /** A final failure that those who wait adopt; cleared by the next claim. */
  failure?: Failure
  /** An attempt has begun since the last success: what it may have left in its targets proves nothing. */
  unproven?: true
  /** Hashes of the targets that other tasks make now, separated by spaces: no attempt that makes one of them begins. */
  lost?: string
  /** Ids of tasks that made its targets before, separated by spaces: no attempt begins while one of theirs runs. */
  after?: string
  /** Somebody waits: there are wait items under {@link keys.wait}. */
  waiting?: true
}

/** Who waits for a row. */
export interface WaitItem {
  kind: 'wait'
  run: string
  number: number
  /** Tells this wait from a later one of the same task run. */
  nonce: string
  /** How much of a limit it waits for. */
  weight?: number
}

/** What an attempt holds of a limit; `until`: kept for it only so long, by the steady clock, until it is claimed. */
export interface Holding {
  weight: number
  until?: number
}

/** One budget's calendar window. */
export interface Window {
  per: BudgetPeriod
  timeZone: string
  startsAt: number
  endsAt: number
  /** What attempts that have ended used up in this window. */
  spent: number
}

/** The calendar windows of budgets. */
export type BudgetPeriod = 'minute' | 'hour' | 'day' | 'week' | 'month' | 'year'

/** The places of a pool, the slots of a resource, or the ledger of a budget: every holder is named. */
export interface Limit {
  kind: 'limit'
  of: 'pool' | 'resource' | 'budget'
  name: string
  limit: number
  /** What is held, by {@link formatHolderName}. */
  holders: { [holder: string]: Holding }
  /** Counts what came back; each time whoever waits is looked at. */
  freed: number
  /** Somebody waits: there are wait items under {@link keys.wait}. */
  waiting?: true
  /** When the tick has to look at this record, by the steady clock. */
  dueAt?: number
  /** Only budgets. */
  window?: Window
  /** Whoever the budget is for has asked to be left alone until then. */
  blockedUntil?: number
}

/** What a task run keeps between its attempts. */
export interface Checkpoint {
  kind: 'checkpoint'
  at: number
  value: Json
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
  failures: number
  /** A failed one is opened again then, by the steady clock; absent once it has been given up. */
  retryAt?: number
}

/** An attempt that did not succeed at once; the first success is told by the task run itself. */
export interface Attempt {
  kind: 'attempt'
  run: string
  number: number
  attempt: number
  outcome: AttemptOutcome
  startedAt?: number
  endedAt: number
  worker?: string
  code?: string
  peakMemoryBytes?: number
  cpuSeconds?: number
  /** The memory that it was given. */
  memoryMb?: number
  failure?: Failure
  /** The last lines of its log, 4 KB at most. */
  tail?: string
}

/** The target of a task that produces nothing else. */
export interface Marker {
  kind: 'marker'
  at: number
  result: Json
}

/** Who makes a target: the task that was first planned to; another task with this output is refused while it stands. */
export interface Maker {
  kind: 'maker'
  uri: string
  taskId: string
  family: string
  params: Params
  label: string
  /** The pipeline of the plan that it is a command of. */
  plan?: string
}

/** An execution of a state machine that shows a run and waits for its end. */
export interface Execution {
  kind: 'execution'
  /** The run that it shows; absent where it was stopped before it had one. */
  run?: string
  arn: string
  /** What its end is told with. */
  token?: string
  stoppedAt?: number
}

/** That an execution shows a run: by these the executions of a run are found. */
export interface Showing {
  kind: 'showing'
}

/** How containers of a pool start. One launcher at a time works on it. */
export interface Launches {
  kind: 'launches'
  pool: string
  /** Until when a launcher is at work; after that it has died. */
  busyUntil?: number
  /** Counts those who asked for a look while a launcher was at work: it looks once more. */
  asked: number
  /** Containers that were started and have not yet proved that they work, by ARN. */
  unproved: string[]
  /** How many starts in a row failed. */
  failures: number
  /** Why the last one did; absent where none did since one worked. */
  reason?: string
  /** No container is started before. */
  notBefore?: number
  /** How long a container has to run to prove itself, if one has crashed after more than a minute. @default PROVED_MS */
  proveMs?: number
  /** A crash that no launcher has looked at yet. */
  crash?: Crash
}

/** A container that had proved itself and crashed without a task. */
export interface Crash {
  arn: string
  ranMs: number
  reason: string
}

/** The code that is deployed: what a worker compares its own with. */
export interface DeployedCode {
  kind: 'code'
  code: string
}

/** Whatever the store holds. */
export type StoredRecord =
  | TaskRun
  | Run
  | RequestRecord
  | Lock
  | WaitItem
  | Limit
  | Checkpoint
  | ScheduleRecord
  | Attempt
  | Marker
  | Maker
  | Execution
  | Showing
  | Launches
  | DeployedCode

/** Upstreams of one node; more are gathered by join nodes. Two bitmaps of 1,000 bits keep a record under 1 KB. */
export const MAX_FAN_IN = 1000

/** Whether a task run can still change. */
export function hasTaskEnded(status: TaskStatus): boolean {
  switch (status) {
    case 'succeeded':
    case 'complete':
    case 'failed':
    case 'upstream_failed':
    case 'cancelled':
      return true
    case 'pending':
    case 'queued':
    case 'running':
    case 'waiting':
    case 'expanding':
      return false
  }
}

/** Whether what depends on a task in this status may run. */
export function satisfiesDependents(status: TaskStatus): boolean {
  return status === 'succeeded' || status === 'complete'
}

/** Whether a run can still change. */
export function isRunOpen(status: RunStatus): boolean {
  return status === 'planning' || status === 'running'
}

/** The name by which locks know an attempt. */
export function formatHolderName(attempt: { run: string; number: number; attempt: number }): string {
  return `${attempt.run}/${attempt.number}/${attempt.attempt}`
}
