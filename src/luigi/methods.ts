import { z } from 'zod'
import { SluiceError } from '../core/errors.ts'
import { ARGUMENTS } from './arguments.ts'
import { defineMethod, type Method } from './method.ts'
import { ANSWER_METHODS } from './methods-looking.ts'
import { addTask, type TaskReport } from './scheduler/add-task.ts'
import { countPending, getWork } from './scheduler/get-work.ts'
import { keepResponse, queueMessage, takeMessages, takeResponse } from './scheduler/messages.ts'
import { changeStatus, disableWorker, enableTask } from './scheduler/operate.ts'
import { decreaseResources, noteTaskProgress } from './scheduler/progress.ts'
import { pruneState } from './scheduler/prune.ts'

const {
  addTask: report,
  getWork: work,
  worker,
  task,
  none,
  addWorker,
  batcher,
  statusMessage,
  progress,
  decrease,
  response,
  messageOf,
  processes,
  message,
  totals,
  total,
} = ARGUMENTS

/** Nothing happens: the scheduler sends no e-mail, and statistics are what {@link SchedulerMetrics} counts. */
const ignore = defineMethod(z.looseObject({}), () => null)

/** The methods of the protocol that change something. */
const ACTING_METHODS: { [name: string]: Method } = {
  add_task: defineMethod(report, (state, sent, { now }) => {
    addTask(state, readTaskReport(sent), now)
    return null
  }),
  get_work: defineMethod(work, (state, { worker, assistant, current_tasks }, { now }) =>
    getWork(state, { worker, assistant, currentTasks: current_tasks }, now),
  ),
  count_pending: defineMethod(worker, (state, { worker }, { now }) => countPending(state, worker, now)),
  ping: defineMethod(worker, (state, { worker }, { now }) => ({
    rpc_messages: takeMessages(state, worker, now),
  })),
  add_worker: defineMethod(addWorker, (state, { worker: id, info }, { now }) => {
    const worker = state.mentionWorker(id, now)
    const news = Array.isArray(info) ? Object.fromEntries(info) : info
    state.updateWorker(worker, { info: { ...worker.info, ...news } })
    return null
  }),
  add_task_batcher: defineMethod(batcher, (state, sent) => {
    const maxSize = sent.max_batch_size ?? Number.MAX_VALUE
    state.batchers.set(sent.worker, sent.task_family, { params: sent.batched_args, maxSize })
    return null
  }),
  disable_worker: defineMethod(worker, (state, { worker }, { now }) => {
    disableWorker(state, worker, now)
    return null
  }),
  announce_scheduling_failure: ignore,
  report_task_statistics: ignore,
  update_metrics_task_started: ignore,
  set_task_status_message: defineMethod(statusMessage, (state, { task_id, status_message }) => {
    noteTaskProgress(state, task_id, { statusMessage: status_message })
    return null
  }),
  set_task_progress_percentage: defineMethod(progress, (state, { task_id, progress_percentage }) => {
    noteTaskProgress(state, task_id, { progress: progress_percentage })
    return null
  }),
  decrease_running_task_resources: defineMethod(decrease, (state, { task_id, decrease_resources }) => {
    decreaseResources(state, task_id, decrease_resources)
    return null
  }),
  add_scheduler_message_response: defineMethod(response, (state, { task_id, message_id, response }) => {
    keepResponse(state, task_id, message_id, response)
    return null
  }),
  get_scheduler_message_response: defineMethod(messageOf, (state, { task_id, message_id }) => ({
    response: takeResponse(state, task_id, message_id),
  })),
  set_worker_processes: defineMethod(processes, (state, { worker, n }, { now }) => {
    queueMessage(state, worker, { name: 'set_worker_processes', kwargs: { n } }, now)
    return null
  }),
  send_scheduler_message: defineMethod(message, (state, { worker, task, content }, { now, makeUuid }) => {
    if (!state.config.send_messages) return { message_id: null }
    const message_id = makeUuid()
    const kwargs = { task_id: task, message_id, content }
    queueMessage(state, worker, { name: 'dispatch_scheduler_message', kwargs }, now)
    return { message_id }
  }),
  re_enable_task: defineMethod(task, (state, { task_id }, { now }) => enableTask(state, task_id, now)),
  forgive_failures: defineMethod(task, (state, { task_id }, { now }) =>
    changeStatus(state, task_id, { from: ['FAILED'], to: 'PENDING' }, now),
  ),
  mark_as_done: defineMethod(task, (state, { task_id }, { now }) =>
    changeStatus(state, task_id, { from: ['RUNNING', 'FAILED', 'DISABLED'], to: 'DONE' }, now),
  ),
  pause: defineMethod(none, (state) => {
    if (state.config.pause_enabled) state.updateSettings({ paused: true })
    return null
  }),
  unpause: defineMethod(none, (state) => {
    if (state.config.pause_enabled) state.updateSettings({ paused: false })
    return null
  }),
  update_resources: defineMethod(totals, (state, resources) => {
    state.updateSettings({ resources: { ...state.settings.resources, ...resources } })
    return null
  }),
  update_resource: defineMethod(total, (state, { resource, amount }) => {
    if (typeof amount !== 'number' || !Number.isSafeInteger(amount) || amount < 0) return false
    state.updateSettings({ resources: { ...state.settings.resources, [resource]: amount } })
    return true
  }),
  prune: defineMethod(none, (state, _, { now }) => {
    pruneState(state, now)
    return null
  }),
}

/** Every method of the protocol. */
export const METHODS: { readonly [name: string]: Method } = { ...ACTING_METHODS, ...ANSWER_METHODS }

/** The method with this name; undefined if the protocol has none. */
export const findMethod = (name: string): Method | undefined =>
  Object.hasOwn(METHODS, name) ? METHODS[name] : undefined

/** Checks what a client has sent; throws `invalid_usage` with what is wrong. */
export function readArguments<T>(name: string, schema: z.ZodType<T>, sent: unknown): T {
  const read = schema.safeParse(sent)
  if (read.success) return read.data
  const [issue] = read.error.issues
  const where = issue === undefined || issue.path.length === 0 ? '' : `\`${issue.path.join('.')}\`: `
  throw new SluiceError('invalid_usage', `${name} cannot take this: ${where}${issue?.message}.`, {
    hint: 'The arguments are those of a client of Luigi 2.8 to 3.8.',
  })
}

function readTaskReport(sent: z.output<typeof report>): TaskReport {
  const { retry_count, disable_hard_timeout, disable_window } = sent.retry_policy_dict ?? {}
  return {
    taskId: sent.task_id,
    worker: sent.worker,
    status: sent.status === 'SUSPENDED' ? 'PENDING' : sent.status,
    runnable: sent.runnable ?? false,
    assistant: sent.assistant,
    priority: sent.priority ?? 0,
    family: sent.family,
    module: sent.module,
    params: sent.params,
    visibilities: sent.param_visibilities,
    deps: sent.deps,
    newDeps: sent.new_deps,
    explanation: sent.expl,
    resources: sent.resources ?? {},
    trackingUrl: sent.tracking_url,
    acceptsMessages: sent.accepts_messages,
    batchable: sent.batchable,
    batchId: sent.batch_id,
    policy: {
      ...(retry_count != null && { retryCount: retry_count }),
      ...(disable_hard_timeout != null && { disableHardTimeout: disable_hard_timeout }),
      ...(disable_window != null && { disableWindow: disable_window }),
    },
  }
}
