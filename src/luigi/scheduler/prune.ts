import { isAbandoned } from './due-tasks.ts'
import { NO_FAILURES, setTaskStatus } from './set-status.ts'
import type { SchedulerState } from './state.ts'
import type { LuigiTask } from './task.ts'
import { isAssistant } from './worker.ts'

/**
 * Applies all rules of time: forgets workers that are silent, fails what they ran, and tries again, enables again or
 * forgets tasks whose time has come. Looks only at tasks for which a rule may hold.
 */
export function pruneState(state: SchedulerState, now: number): void {
  for (const worker of [...state.workers()])
    if (worker.lastActive + state.config.worker_disconnect_delay < now) state.forgetWorker(worker)
  const assistants = new Set([...state.workers()].filter(isAssistant).map(({ id }) => id))
  const concerned = new Set([
    ...state.withStatus('RUNNING'),
    ...state.withStatus('BATCH_RUNNING'),
    ...state.due.listDue(now),
  ])
  for (const task of [...concerned].sort((a, b) => a.number - b.number))
    pruneTask(state, task, assistants, now)
}

function pruneTask(
  state: SchedulerState,
  task: LuigiTask,
  assistants: ReadonlySet<string>,
  now: number,
): void {
  const { config } = state
  if (isOrphaned(task, assistants)) {
    state.update(task, { workerRunning: null })
    setTaskStatus(state, task, 'FAILED', now)
    state.update(task, { retryAt: now + config.retry_delay })
  }
  // Luigi takes a time of 0 as none.
  if (isAbandoned(task)) state.update(task, { removeAt: now + config.remove_delay })
  if (
    task.status === 'DISABLED' &&
    task.disabledAt !== null &&
    now - task.disabledAt > config.disable_persist
  )
    enableAgain(state, task, now)
  if (task.status === 'FAILED' && config.retry_delay >= 0 && task.retryAt !== null && task.retryAt < now)
    setTaskStatus(state, task, 'PENDING', now)
  if (task.removeAt !== null && task.removeAt !== 0 && now >= task.removeAt) state.removeTask(task)
}

/** Whether the worker that runs a task is gone. */
const isOrphaned = (task: LuigiTask, assistants: ReadonlySet<string>): boolean =>
  (task.status === 'RUNNING' || task.status === 'BATCH_RUNNING') &&
  task.workerRunning !== null &&
  !task.stakeholders.has(task.workerRunning) &&
  !assistants.has(task.workerRunning)

/** Lets a task that the scheduler disabled be tried again, after the delay of a failure that is not counted. */
export function enableAgain(state: SchedulerState, task: LuigiTask, now: number): void {
  state.update(task, {
    disabledAt: null,
    ...NO_FAILURES,
    status: 'FAILED',
    updated: now,
    retryAt: now + state.config.retry_delay,
  })
}
