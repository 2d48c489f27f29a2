import type { Json } from '../../core/json.ts'
import { sumRunningAmounts } from './amounts.ts'
import { describeTask, makeDisplayName, type TaskView } from './describe-task.ts'
import type { TaskViews } from './graphs.ts'
import { pruneState } from './prune.ts'
import type { SchedulerState } from './state.ts'
import { type LuigiTask, TASK_STATUSES, type TaskStatus } from './task.ts'
import { UpstreamFinder } from './upstream.ts'

/** Which tasks are listed. */
export interface TaskListQuery {
  /** Undefined: tasks of every status. */
  status: TaskStatus | undefined
  /** Empty: any. */
  upstreamStatus: string
  /** Answers with a number if there are too many. */
  isLimited: boolean
  /** Words that must all be in the name of a task. */
  search: string | null
  /** @default the config's */
  maxShown: number | null
}

/** Lists tasks, or tells how many there are if these are too many to show; -1 if they were not counted. */
export function listTasks(
  state: SchedulerState,
  query: TaskListQuery,
  now: number,
): TaskViews | { num_tasks: number } {
  const limit = query.maxShown ?? state.config.max_shown_tasks
  const { status, search, isLimited, upstreamStatus } = query
  const count = status === undefined ? state.taskCount : state.withStatus(status).size
  if (search === null && isLimited && count > limit) return { num_tasks: upstreamStatus === '' ? count : -1 }
  pruneState(state, now)
  const found = findTasks(state, query)
  if (isLimited && found.length > limit) return { num_tasks: found.length }
  return new Map(found.map((task) => [task.id, describeTask(state, task)]))
}

function findTasks(state: SchedulerState, { status, upstreamStatus, search }: TaskListQuery): LuigiTask[] {
  const words = (search ?? '').toLowerCase().split(/\s+/).filter(Boolean)
  const upstream = new UpstreamFinder(state)
  const all = status === undefined ? [...state.tasks()] : [...state.withStatus(status)]
  return all.filter((task) => {
    if (task.status === 'PENDING' && upstreamStatus !== '' && upstream.find(task) !== upstreamStatus)
      return false
    const name = words.length === 0 ? '' : makeDisplayName(task).toLowerCase()
    return words.every((word) => name.includes(word))
  })
}

/** Tasks whose id contains a text, by their status. */
export function searchTasks(state: SchedulerState, text: string): Map<string, TaskViews> {
  const found = new Map<string, TaskViews>()
  for (const task of state.tasks()) {
    if (!task.id.includes(text)) continue
    const views = found.get(task.status) ?? new Map()
    views.set(task.id, describeTask(state, task))
    found.set(task.status, views)
  }
  return found
}

/** Lists workers, the newest first; with what each runs, if asked for. */
export function listWorkers(
  state: SchedulerState,
  includeRunning: boolean,
): { [name: string]: Json | TaskViews }[] {
  const running = new Map<string, TaskViews>()
  for (const task of state.withStatus('RUNNING')) {
    if (task.workerRunning === null) continue
    const views = running.get(task.workerRunning) ?? new Map<string, TaskView>()
    running.set(task.workerRunning, views.set(task.id, describeTask(state, task)))
  }
  const workers = [...state.workers()].sort((a, b) => b.started - a.started || a.number - b.number)
  return workers.map((worker) => ({
    name: worker.id,
    last_active: worker.lastActive,
    started: worker.started,
    state: worker.disabled ? 'disabled' : 'active',
    first_task_display_name: nameFirstTask(state, worker.info.first_task),
    num_unread_rpc_messages: worker.messages.length,
    ...worker.info,
    ...(includeRunning && countWorkerTasks(state, worker.id, running.get(worker.id) ?? new Map())),
  }))
}

function nameFirstTask(state: SchedulerState, id: Json | undefined): Json {
  if (typeof id !== 'string') return id ?? ''
  const task = state.task(id)
  return task === undefined ? id : makeDisplayName(task)
}

function countWorkerTasks(state: SchedulerState, worker: string, running: TaskViews) {
  const pending = [...state.tasksOf(worker)].filter(({ status }) => status === 'PENDING')
  return {
    num_running: running.size,
    num_pending: pending.length,
    num_uniques: pending.filter(({ workers }) => workers.size === 1).length,
    running,
  }
}

/** Lists the resources that have a total, with what runs of them. */
export function listResources(state: SchedulerState): { [name: string]: Json | TaskViews }[] {
  const used = sumRunningAmounts(state.withStatus('RUNNING'))
  return Object.entries(state.settings.resources).map(([name, total]) => {
    const consumers = [...state.withStatus('RUNNING')].filter(({ resources }) =>
      Object.hasOwn(resources, name),
    )
    return {
      name,
      num_total: total,
      num_used: used.taken(name),
      num_consumer: consumers.length,
      running: new Map(consumers.map((task) => [task.id, describeTask(state, task)])),
    }
  })
}

/** How many tasks have each status. */
export const countByStatus = (state: SchedulerState): [status: TaskStatus, count: number][] =>
  TASK_STATUSES.map((status) => [status, state.withStatus(status).size])
