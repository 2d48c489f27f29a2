import type { LuigiTask, TaskStatus } from './task.ts'
import type { LuigiWorker } from './worker.ts'

/** What a call has changed; the scheduler writes it before it answers. */
export interface SchedulerChanges {
  tasks: Set<LuigiTask>
  removedTasks: Set<LuigiTask>
  workers: Set<LuigiWorker>
  removedWorkers: Set<LuigiWorker>
  settings: boolean
  /** Every change of a status, in order. */
  statuses: { task: LuigiTask; status: TaskStatus }[]
}

/** Changes of a call that has not begun. */
export const makeNoChanges = (): SchedulerChanges => ({
  tasks: new Set(),
  removedTasks: new Set(),
  workers: new Set(),
  removedWorkers: new Set(),
  settings: false,
  statuses: [],
})
