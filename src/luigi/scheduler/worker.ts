import type { Json } from '../../core/json.ts'

/** A message that a worker gets with its next ping: a method of the client, with its arguments. */
export interface WorkerMessage {
  name: string
  kwargs: { [name: string]: Json }
}

/** What is kept of a worker. Instants are seconds since the epoch. */
export interface WorkerFields {
  /** What the worker says of itself, such as its host and how many processes it has. */
  info: Readonly<Record<string, Json>>
  /** When it was last heard of. */
  lastActive: number
  /** When it last asked for work; null if it never has. */
  lastGetWork: number | null
  started: number
  disabled: boolean
  messages: readonly WorkerMessage[]
}

/** What a worker says of its batches, by family. It is kept beside the worker, because a worker that was forgotten may come back. */
export interface WorkerBatchers {
  readonly worker: string
  readonly number: number
  readonly families: Readonly<Record<string, Batcher>>
}

/** How tasks of a family are put into one batch. */
export interface Batcher {
  params: readonly string[]
  maxSize: number
}

/** A worker: a process of Luigi that adds and runs tasks. Only {@link SchedulerState.updateWorker} changes it. */
export interface LuigiWorker extends Readonly<WorkerFields> {
  readonly id: string
  /** Unique and growing; a worker that comes back after it was forgotten has another one. */
  readonly number: number
}

/** Whether a worker runs tasks of others: it never becomes their stakeholder. */
export const isAssistant = (worker: LuigiWorker): boolean => worker.info.assistant === true

/** The fields of a worker that is first heard of now. */
export const makeWorkerFields = (now: number): WorkerFields => ({
  info: {},
  lastActive: now,
  lastGetWork: null,
  started: now,
  disabled: false,
  messages: [],
})

/** How many processes a worker has, as it says; 1 if it says nothing. */
export function countProcesses({ info }: LuigiWorker): number {
  const count = info.workers ?? 1
  return typeof count === 'number' ? count : Number.parseInt(String(count), 10) || 0
}
