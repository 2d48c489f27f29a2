import type { Json } from '../../core/json.ts'
import type { RetryPolicy } from './config.ts'

/** Every status that a task can have. */
export const TASK_STATUSES = [
  'PENDING',
  'RUNNING',
  'BATCH_RUNNING',
  'DONE',
  'FAILED',
  'DISABLED',
  'UNKNOWN',
] as const

/** The status of a task. */
export type TaskStatus = (typeof TASK_STATUSES)[number]

/** Amounts of resources by name. */
export type Resources = Readonly<Record<string, number>>

/** What Luigi keeps of a task. Instants are seconds since the epoch; null means that there is none. */
export interface TaskFields {
  status: TaskStatus
  /** Ids of tasks that must be done before. They need not be known. */
  deps: ReadonlySet<string>
  /** Ids of workers that keep the task alive. */
  stakeholders: ReadonlySet<string>
  /** Ids of workers that can run the task, in the order in which they said so. */
  workers: ReadonlySet<string>
  priority: number
  resources: Resources
  /** What its run takes of the resources; null before the first run. */
  resourcesRunning: Resources | null
  family: string
  module: string | null
  params: Readonly<Record<string, Json>>
  /** Of each parameter: 0 public, 1 hidden, 2 private. */
  visibilities: Readonly<Record<string, number>>
  /** Whether some worker can run it: an external task cannot be run. */
  runnable: boolean
  batchable: boolean
  batchId: string | null
  workerRunning: string | null
  created: number
  /** When the status last changed. */
  updated: number
  timeRunning: number | null
  /** When a failed task may run again. */
  retryAt: number | null
  /** When the task is forgotten. */
  removeAt: number | null
  failures: readonly number[]
  firstFailure: number | null
  /** When the scheduler disabled the task; null if a client did, or nobody. */
  disabledAt: number | null
  policy: RetryPolicy
  /** Why it failed, as the client sent it: a string in JSON. */
  explanation: string | null
  trackingUrl: string | null
  statusMessage: Json
  progress: Json
  acceptsMessages: boolean
  /** Answers of the task to messages, by message id. */
  responses: Readonly<Record<string, Json>>
}

/** A task of the scheduler. Only {@link SchedulerState.update} changes it. */
export interface LuigiTask extends Readonly<TaskFields> {
  readonly id: string
  /** Unique and growing: the order in which tasks came. */
  readonly number: number
}

/** The order in which tasks are handed out: priority, then age, then the order in which they came. */
export const compareRank = (a: LuigiTask, b: LuigiTask): number =>
  b.priority - a.priority || a.created - b.created || a.number - b.number

/** Whether a batch was made for it, so that it stands for the tasks of the batch. */
export const isBatchHead = (task: LuigiTask): boolean => task.batchId !== null && !task.batchable

/** The fields of a task that nothing is known of yet. */
export function makeTaskFields(now: number, policy: RetryPolicy): TaskFields {
  return {
    status: 'PENDING',
    deps: new Set(),
    stakeholders: new Set(),
    workers: new Set(),
    priority: 0,
    resources: {},
    resourcesRunning: null,
    family: '',
    module: null,
    params: {},
    visibilities: {},
    runnable: false,
    batchable: false,
    batchId: null,
    workerRunning: null,
    created: now,
    updated: now,
    timeRunning: null,
    retryAt: null,
    removeAt: null,
    failures: [],
    firstFailure: null,
    disabledAt: null,
    policy,
    explanation: null,
    trackingUrl: null,
    statusMessage: null,
    progress: null,
    acceptsMessages: false,
    responses: {},
  }
}
