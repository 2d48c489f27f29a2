/** The nouns of the engine: records as they are stored, and their keys. All instants are milliseconds since 1970. */

/** Status of one task within a run; see docs/state-machine.md for every transition. */
export type TaskStatus =
  | 'pending'
  | 'queued'
  | 'running'
  | 'waiting'
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
  /** Attempts that used up the retry policy. */
  used: number
  /** Attempts that ended through no fault of the task: lost, interrupted, not started. */
  free: number
  /** A bodiless node that gathers up to {@link MAX_FAN_IN} upstreams. */
  join?: true
  /** Who may write the end of the running attempt. */
  nonce?: string
  /** The worker process that claimed the attempt. */
  worker?: string
  leaseUntil?: number
  /** When the tick has to look at this record; coarse, not moved by heartbeats. */
  dueAt?: number
  /** A queued attempt is not to start before. */
  notBefore?: number
  /** Key of the row that it waits for, or `target` for an external task. */
  waitsFor?: string
  waitingSince?: number
  startedAt?: number
  endedAt?: number
  peakMemoryBytes?: number
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
  /** When planning began to look at targets. */
  plannedAt: number
  /** The planner's nonce and how long it may take before another takes over. */
  nonce?: string
  worker?: string
  dueAt?: number
  tasks?: number
  /** How many of the plan's ready tasks have been released. */
  released?: number
  cancelledAt?: number
  endedAt?: number
  failure?: Failure
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
  /** When an attempt last ended, however it ended: since then the target may be there. */
  lastEndAt?: number
  /** A failed attempt's back-off holds for every run. */
  backoffUntil?: number
  /** A final failure that those who wait adopt; cleared by the next claim. */
  failure?: Failure
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
  peakMemoryBytes?: number
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

/** Whatever the store holds. */
export type StoredRecord = TaskRun | Run | RequestRecord | Lock | WaitItem | Attempt | Marker

/** Upstreams of one node; more are gathered by join nodes. Two bitmaps of 1,000 bits keep a record under 1 KB. */
export const MAX_FAN_IN = 1000

const padded = (number: number) => String(number).padStart(8, '0')

/** Every key of the store, spelled once. */
export const keys = {
  request: (request: string) => `request/${request}`,
  run: (run: string) => `run/${run}`,
  taskRun: (run: string, number: number) => `task/${run}/${padded(number)}`,
  taskRuns: (run: string) => `task/${run}/`,
  attempt: (run: string, number: number, attempt: number) =>
    `attempt/${run}/${padded(number)}/${String(attempt).padStart(4, '0')}`,
  attempts: (run: string) => `attempt/${run}/`,
  lock: (taskId: string) => `lock/${taskId}`,
  wait: (row: string, run: string, number: number) => `wait/${row}/${run}/${padded(number)}`,
  waits: (row: string) => `wait/${row}/`,
  marker: (taskId: string) => `marker/${taskId}`,
}

/** Whether a task run can still change. */
export function hasEnded(status: TaskStatus): boolean {
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
      return false
  }
}

/** Whether what depends on a task in this status may run. */
export function isSatisfied(status: TaskStatus): boolean {
  return status === 'succeeded' || status === 'complete'
}

/** Whether a run can still change. */
export function isOpen(status: RunStatus): boolean {
  return status === 'planning' || status === 'running'
}

/** The name by which locks know an attempt. */
export function holderName(attempt: { run: string; number: number; attempt: number }): string {
  return `${attempt.run}/${attempt.number}/${attempt.attempt}`
}
