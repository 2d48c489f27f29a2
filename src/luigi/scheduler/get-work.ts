import type { Json } from '../../core/json.ts'
import { collectBatch, makeBatchParams, returnLostBatches, startBatch } from './batches.ts'
import { chooseTask } from './choose-task.ts'
import { pruneState } from './prune.ts'
import { setTaskStatus } from './set-status.ts'
import type { SchedulerState } from './state.ts'
import { compareRank, type LuigiTask } from './task.ts'
import type { LuigiWorker } from './worker.ts'

/** Who asks for work. */
export interface WorkRequest {
  worker: string
  assistant: boolean
  /** Ids of the tasks that the client runs; null if it does not say. */
  currentTasks: readonly string[] | null
}

/** What is pending for a worker, and what runs of it, in the words of the protocol. */
export interface PendingAnswer {
  n_pending_tasks: number
  n_unique_pending: number
  n_pending_last_scheduled: number
  worker_state: 'active' | 'disabled'
  running_tasks: { [name: string]: Json }[]
}

/** The answer to a worker that asks for work: a task, a batch of tasks, or none now. */
export type WorkAnswer = Omit<PendingAnswer, 'n_pending_last_scheduled'> & {
  n_pending_last_scheduled?: number
  task_id: string | null
  task_family?: string
  task_module?: string | null
  task_params?: Readonly<Record<string, Json>>
  batch_id?: string
  batch_task_ids?: string[]
}

/** Hands out the next task to a worker. */
export function getWork(state: SchedulerState, request: WorkRequest, now: number): WorkAnswer {
  if (state.config.prune_on_get_work) pruneState(state, now)
  const worker = state.mentionWorker(request.worker, now)
  state.updateWorker(worker, { lastActive: now, lastGetWork: now })
  if (worker.disabled)
    return {
      n_pending_tasks: 0,
      running_tasks: [],
      task_id: null,
      n_unique_pending: 0,
      worker_state: 'disabled',
    }
  if (request.assistant) state.updateWorker(worker, { info: { ...worker.info, assistant: true } })
  const lost = findLostTask(state, worker, request.currentTasks, now)
  const task = lost ?? chooseTask(state, worker, request.assistant, now)
  // The task that is handed out still counts as pending.
  const answer = countPending(state, worker.id, now)
  if (task === undefined) return { ...answer, task_id: null }
  const members = lost === undefined ? collectBatch(state, worker, task) : [task]
  const described = { task_family: task.family, task_module: task.module }
  if (members.length > 1) {
    const task_params = makeBatchParams(state, worker, members)
    const batch_id = startBatch(state, members, worker, now)
    const batch_task_ids = members.map(({ id }) => id)
    return { ...answer, ...described, task_id: null, task_params, batch_id, batch_task_ids }
  }
  startTask(state, task, worker, now)
  return { ...answer, ...described, task_id: task.id, task_params: task.params }
}

/**
 * A task that the scheduler has handed out to this worker and that the worker does not have: the answer was lost, or the
 * client has started again.
 */
function findLostTask(
  state: SchedulerState,
  worker: LuigiWorker,
  currentTasks: readonly string[] | null,
  now: number,
): LuigiTask | undefined {
  if (currentTasks === null) return undefined
  returnLostBatches(state, worker, now)
  const current = new Set(currentTasks)
  return [...state.withStatus('RUNNING')]
    .filter(({ workerRunning, id }) => workerRunning === worker.id && !current.has(id))
    .sort(compareRank)[0]
}

function startTask(state: SchedulerState, task: LuigiTask, worker: LuigiWorker, now: number): void {
  setTaskStatus(state, task, 'RUNNING', now)
  state.update(task, {
    workerRunning: worker.id,
    resourcesRunning: { ...task.resources },
    timeRunning: now,
  })
}

/** What is pending for a worker, and what runs of the tasks that it could run. */
export function countPending(state: SchedulerState, id: string, now: number): PendingAnswer {
  const worker = state.mentionWorker(id, now)
  const running = [...state.withStatus('RUNNING')].filter(({ workers }) => workers.has(id))
  const { pending, unique, lastScheduled } = state.countPending(id)
  return {
    n_pending_tasks: pending,
    n_unique_pending: unique,
    n_pending_last_scheduled: lastScheduled,
    worker_state: worker.disabled ? 'disabled' : 'active',
    running_tasks: running.flatMap((task) => {
      if (task.workerRunning === null) return []
      const { info } = state.mentionWorker(task.workerRunning, now)
      return [{ task_id: task.id, worker: task.workerRunning, ...info }]
    }),
  }
}
