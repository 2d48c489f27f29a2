import type { Json, Params } from '../json.ts'
import type { Key } from '../keys.ts'
import type { Actor } from './actor.ts'
import type { JobUsage, Launch, LaunchStory, StartTimes } from './launch.ts'
import type { AttemptOutcome, TaskStatus } from './status.ts'

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
  /** It has nothing more to do when what it has yielded has ended. */
  endsWithYield?: true
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
  /** Key of the row that it waits for, `target` for an external task, `capacity` for a job that no service had a place for. */
  waitsFor?: Key<'lock' | 'limit'> | 'target' | 'capacity'
  waitingSince?: number
  /** Since when nothing but places held the attempt back: its upstreams had ended, or its delay was over. */
  readyAt?: number
  /** When the attempt had to wait first, for a limit, a lock or capacity. */
  waitedSince?: number
  /** When a person cancelled this task, and not its run; its body may still run. */
  cancelledAt?: number
  cancelledBy?: Actor
  /** When a person said that it has succeeded. */
  markedAt?: number
  markedBy?: Actor
  startedAt?: number
  endedAt?: number
  peakMemoryBytes?: number
  cpuSeconds?: number
  /** Digest of the image in which it ran, for a container. */
  image?: string
  /** What its runner has told of the start of the body; of a job elsewhere the launch has it. */
  times?: StartTimes
  /** The version of the pipelines' code that the attempt runs with, if the deployment knows one. */
  code?: string
  progress?: Progress
  failure?: Failure
  /** What its job elsewhere has used. */
  usage?: JobUsage
  /** Its attempt is a job elsewhere: what was launched, or is to be. */
  launch?: Launch
}

/** What a body last reported about itself. */
export interface Progress {
  done: number
  total?: number
  text?: string
}

/** What a task run keeps between its attempts. */
export interface Checkpoint {
  kind: 'checkpoint'
  at: number
  value: Json
}

/** An attempt that did not succeed at once; the first success is told by the task run itself. */
export interface Attempt {
  kind: 'attempt'
  run: string
  number: number
  attempt: number
  outcome: AttemptOutcome
  readyAt?: number
  waitedSince?: number
  startedAt?: number
  endedAt: number
  worker?: string
  code?: string
  peakMemoryBytes?: number
  cpuSeconds?: number
  /** Digest of the image in which it ran, for a container. */
  image?: string
  /** The memory that it was given. */
  memoryMb?: number
  failure?: Failure
  times?: StartTimes
  /** What its job elsewhere has used. */
  usage?: JobUsage
  /** It was a job elsewhere. */
  launch?: LaunchStory
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
  taskId: string
  family: string
  params: Params
  /** What a person calls a command of a plan; other tasks are called by their family and parameters. */
  label?: string
  /** The pipeline of the plan that it is a command of. */
  plan?: string
}

/** Upstreams of one node; more are gathered by join nodes. Two bitmaps of 1,000 bits keep a record under 1 KB. */
export const MAX_FAN_IN = 1000

/** The name by which locks know an attempt. */
export function formatHolderName(attempt: { run: string; number: number; attempt: number }): string {
  return `${attempt.run}/${attempt.number}/${attempt.attempt}`
}
