import type { Json } from '../../core/json.ts'
import type { SchedulerState } from './state.ts'
import type { LuigiTask } from './task.ts'

/** What pages and programs see of a task, in the words of the protocol. */
export type TaskView = { [name: string]: Json }

const PUBLIC = 0

/** The parameters that everybody may see. */
export const listPublicParams = ({ params, visibilities }: LuigiTask): Record<string, Json> =>
  Object.fromEntries(
    Object.entries(params).filter(
      ([name]) => !Object.hasOwn(visibilities, name) || visibilities[name] === PUBLIC,
    ),
  )

/** The name of a task for people: its family with its public parameters. */
export function makeDisplayName(task: LuigiTask): string {
  const params = Object.entries(listPublicParams(task)).sort(([a], [b]) => (a < b ? -1 : 1))
  const texts = params.map(
    ([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  )
  return `${task.family}(${texts.join(', ')})`
}

/** What a list shows of a task. */
export function describeTask({ config }: SchedulerState, task: LuigiTask): TaskView {
  return { display_name: makeDisplayName(task), ...describeNode(config, task) }
}

/** The same without the name for people, as a graph shows it beyond its root. */
export function describeNode({ send_messages }: { send_messages: boolean }, task: LuigiTask): TaskView {
  return {
    status: task.status,
    workers: [...task.workers],
    worker_running: task.workerRunning,
    time_running: task.timeRunning,
    start_time: task.created,
    last_updated: task.updated,
    params: listPublicParams(task),
    name: task.family,
    priority: task.priority,
    resources: { ...task.resources },
    resources_running: task.resourcesRunning && { ...task.resourcesRunning },
    tracking_url: task.trackingUrl,
    status_message: task.statusMessage,
    progress_percentage: task.progress,
    ...(task.status === 'DISABLED' && { re_enable_able: task.disabledAt !== null }),
    ...(task.status === 'RUNNING' && send_messages && { accepts_messages: task.acceptsMessages }),
  }
}
