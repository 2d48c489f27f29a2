import type { Json } from '../../core/json.ts'
import { describeTask, type TaskView } from './describe-task.ts'
import { NO_FAILURES, setTaskStatus } from './set-status.ts'
import type { SchedulerState } from './state.ts'
import type { TaskStatus } from './task.ts'

/** Lets a task be tried again that the scheduler has disabled; nothing happens to any other task. */
export function enableTask(state: SchedulerState, id: string, now: number): TaskView {
  const task = state.task(id)
  if (task?.status !== 'DISABLED' || task.disabledAt === null) return {}
  state.update(task, { disabledAt: null, ...NO_FAILURES })
  setTaskStatus(state, task, 'FAILED', now)
  state.update(task, NO_FAILURES)
  return { ...describeTask(state, task), deps: [...task.deps] }
}

/** Gives a task another status if it has one of these. Returns the status that it has then, null if it is not known. */
export function changeStatus(
  state: SchedulerState,
  id: string,
  { from, to }: { from: readonly TaskStatus[]; to: TaskStatus },
  now: number,
): { task_id: string; status: TaskStatus | null } {
  const task = state.task(id)
  if (task !== undefined && from.includes(task.status)) setTaskStatus(state, task, to, now)
  return { task_id: id, status: task?.status ?? null }
}

/** Why a task failed, with all that is needed to run it by hand. */
export function describeFailure(state: SchedulerState, id: string): { [name: string]: Json } {
  const task = state.task(id)
  if (task === undefined) return { taskId: id, error: '' }
  return {
    taskId: id,
    error: task.explanation,
    displayName: String(describeTask(state, task).display_name),
    taskParams: { ...task.params },
    taskModule: task.module,
    taskFamily: task.family,
  }
}

/** Stops a worker: it gets no work any more, and nobody counts on it. */
export function disableWorker(state: SchedulerState, id: string, now: number): void {
  const worker = state.mentionWorker(id, now)
  state.updateWorker(worker, { disabled: true })
  state.releaseTasks(worker)
}
