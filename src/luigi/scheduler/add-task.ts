import type { Json } from '../../core/json.ts'
import type { RetryPolicy } from './config.ts'
import { setTaskStatus } from './set-status.ts'
import type { SchedulerState } from './state.ts'
import type { LuigiTask, Resources, TaskFields, TaskStatus } from './task.ts'
import type { LuigiWorker } from './worker.ts'

/** What a worker says of a task. Null and absent fields leave what is known, but for resources. */
export interface TaskReport {
  taskId: string
  worker: string
  status: TaskStatus
  runnable: boolean
  assistant: boolean
  priority: number
  family: string
  module: string | null
  params: Readonly<Record<string, Json>> | null
  visibilities: Readonly<Record<string, number>> | null
  deps: readonly string[] | null
  newDeps: readonly string[] | null
  explanation: string | null
  resources: Resources
  trackingUrl: string | null
  acceptsMessages: boolean | null
  batchable: boolean | null
  batchId: string | null
  policy: Partial<RetryPolicy>
}

/** Takes what a worker says of a task: that it is to be run, that its run has begun or ended, or how it goes. */
export function addTask(state: SchedulerState, report: TaskReport, now: number): void {
  const worker = state.mentionWorker(report.worker, now)
  state.updateWorker(worker, { lastActive: now })
  const task = findOrAddTask(state, report, worker, now)
  if (task === undefined || isCoolingDown(state, task, report, now) || isRepeatedFailure(task, report)) return
  applyReport(state, task, report)
  if (report.status === 'RUNNING' && task.workerRunning === null) startRunning(state, task, report, now)
  noteProgress(state, task, report)
  if (mayChangeStatus(task, report)) setTaskStatus(state, task, report.status, now)
  linkTask(state, task, report)
  if (!worker.disabled && !report.assistant) keepAlive(state, task, report.worker, now)
  raisePriority(state, task, report.priority)
  const policy = { ...state.defaultPolicy(), ...report.policy }
  state.update(task, { policy })
  if (report.runnable && report.status !== 'FAILED' && !worker.disabled) offerTask(state, task, worker)
}

/** The task, which is made unless it is known. A disabled worker can only report the end of what runs. */
function findOrAddTask(
  state: SchedulerState,
  report: TaskReport,
  worker: LuigiWorker,
  now: number,
): LuigiTask | undefined {
  const task = state.task(report.taskId)
  if (worker.disabled) return task?.status === 'RUNNING' ? task : undefined
  return (
    task ??
    state.addTask(report.taskId, now, {
      deps: new Set(report.deps),
      resources: report.resources,
      priority: report.priority,
      family: report.family,
      module: report.module,
      params: report.params ?? {},
      visibilities: report.visibilities ?? {},
    })
  )
}

/** A client that looked before the task was done must not have it run again. */
const isCoolingDown = (
  { config }: SchedulerState,
  task: LuigiTask,
  { status }: TaskReport,
  now: number,
): boolean =>
  status === 'PENDING' && task.status === 'DONE' && now - task.updated < config.stable_done_cooldown_secs

/**
 * Whether a failure was reported before and its answer was lost: the client then sends the same again, and it would count
 * twice. A worker that fails again was given the task again before, which changes its status.
 */
const isRepeatedFailure = (task: LuigiTask, report: TaskReport): boolean =>
  report.status === 'FAILED' &&
  task.status === 'FAILED' &&
  task.workerRunning === report.worker &&
  report.explanation !== null &&
  report.explanation === task.explanation

/** Fills in what was not known of a task that was so far only named by others. */
function applyReport(state: SchedulerState, task: LuigiTask, report: TaskReport): void {
  const change: Partial<TaskFields> = {
    ...(task.family === '' && { family: report.family }),
    ...(!task.module && { module: report.module }),
    ...(isEmpty(task.visibilities) && { visibilities: report.visibilities ?? {} }),
    ...(isEmpty(task.params) && { params: report.params ?? {} }),
    ...(report.batchId !== null && { batchId: report.batchId }),
  }
  state.update(task, change)
}

function startRunning(state: SchedulerState, task: LuigiTask, report: TaskReport, now: number): void {
  const [member] = report.batchId === null ? [] : state.membersOf(report.batchId)
  state.update(task, {
    workerRunning: report.worker,
    timeRunning: now,
    ...(member === undefined ? {} : { resourcesRunning: member.resourcesRunning }),
  })
}

function noteProgress(state: SchedulerState, task: LuigiTask, report: TaskReport): void {
  const shared: Partial<TaskFields> = {
    ...((report.trackingUrl !== null || task.status !== 'RUNNING') && { trackingUrl: report.trackingUrl }),
    ...(report.explanation !== null && { explanation: report.explanation }),
  }
  if (task.batchId !== null) for (const member of state.membersOf(task.batchId)) state.update(member, shared)
  state.update(task, {
    ...shared,
    removeAt: null,
    ...(report.acceptsMessages !== null && { acceptsMessages: report.acceptsMessages }),
    ...(report.batchable !== null && { batchable: report.batchable }),
  })
}

/** What another worker than the one that runs a task says of it does not count, unless it brings dependencies. */
function mayChangeStatus(task: LuigiTask, { status, worker, newDeps }: TaskReport): boolean {
  if (task.status !== 'RUNNING' && task.status !== 'BATCH_RUNNING') return true
  const isItsWorker = worker === task.workerRunning
  if (isItsWorker && ['DONE', 'FAILED', 'RUNNING'].includes(status)) return true
  if (newDeps === null || newDeps.length === 0) return false
  // A report that was delivered before: its dependencies are known, and another worker runs the task since.
  return isItsWorker || newDeps.some((id) => !task.deps.has(id))
}

function linkTask(state: SchedulerState, task: LuigiTask, { deps, newDeps, resources }: TaskReport): void {
  const wanted = new Set(deps ?? task.deps)
  for (const id of newDeps ?? []) wanted.add(id)
  const isSame = wanted.size === task.deps.size && wanted.isSubsetOf(task.deps)
  state.update(task, { resources, ...(!isSame && { deps: wanted }) })
}

/** The worker wants this task, and with it all that it depends on. */
function keepAlive(state: SchedulerState, task: LuigiTask, worker: string, now: number): void {
  addStakeholder(state, task, worker)
  for (const id of task.deps) {
    const dependency =
      state.task(id) ?? state.addTask(id, now, { status: 'UNKNOWN', priority: task.priority })
    addStakeholder(state, dependency, worker)
  }
}

function addStakeholder(state: SchedulerState, task: LuigiTask, worker: string): void {
  if (task.stakeholders.has(worker)) return
  state.update(task, { stakeholders: new Set([...task.stakeholders, worker]) })
}

/** What a task depends on is at least as urgent as the task. */
function raisePriority(state: SchedulerState, task: LuigiTask, priority: number): void {
  if (priority > task.priority) state.update(task, { priority })
  const open = [task]
  for (let next = open.pop(); next !== undefined; next = open.pop())
    for (const id of next.deps) {
      const dependency = state.task(id)
      if (dependency === undefined || dependency.priority >= next.priority) continue
      state.update(dependency, { priority: next.priority })
      open.push(dependency)
    }
}

function offerTask(state: SchedulerState, task: LuigiTask, worker: LuigiWorker): void {
  if (task.workers.has(worker.id) && task.runnable) return
  state.update(task, { runnable: true, workers: new Set([...task.workers, worker.id]) })
}

const isEmpty = (object: object): boolean => Object.keys(object).length === 0
