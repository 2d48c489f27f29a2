/* The port under the Luigi scheduler: it keeps its state as text, and knows nothing of tasks. */

/** What is kept by a number. */
export type SchedulerKind = 'task' | 'worker' | 'batcher'

/** One change of the status of a task, as it is kept after the task is forgotten. */
export interface TaskEvent {
  /** Seconds since the epoch. */
  at: number
  taskId: string
  family: string
  status: string
  /** The worker that runs it or has run it. */
  worker: string | null
  /** JSON: its public parameters, and why it failed. */
  details: string
}

/** Which events are read, the newest first. */
export interface TaskEventQuery {
  taskId?: string
  family?: string
  limit: number
}

/** The state of a scheduler: JSON by kind and number, settings by name, and events. */
export interface SchedulerStore {
  /**
   * Runs the function in one transaction: all or nothing, and kept when it returns. `isChanged` is true the first time,
   * and after another process has written.
   */
  transaction<T>(work: (isChanged: boolean) => T): T
  /** Runs the function on one state of the store; it writes nothing, and holds up no process. `isChanged` as above. */
  look<T>(view: (isChanged: boolean) => T): T
  readAll(kind: SchedulerKind): string[]
  put(kind: SchedulerKind, number: number, body: string): void
  remove(kind: SchedulerKind, number: number): void
  readSetting(name: string): string | undefined
  putSetting(name: string, value: string): void
  appendEvent(event: TaskEvent): void
  readEvents(query: TaskEventQuery): TaskEvent[]
  /** Forgets everything. */
  clear(): void
  close(): void
}
