import { describeNode, makeDisplayName, type TaskView } from './describe-task.ts'
import type { SchedulerState } from './state.ts'
import type { LuigiTask } from './task.ts'

/** Views by task id, in an order that counts. */
export type TaskViews = Map<string, TaskView>

/** Which way a graph is walked, and whether what is done is shown. */
export interface GraphQuery {
  direction: 'dependencies' | 'dependants'
  includeDone: boolean
}

/** A task with all that it depends on, or all that depends on it, breadth first; nothing if the task is not known. */
export function drawGraph(state: SchedulerState, root: string, query: GraphQuery): TaskViews {
  const views: TaskViews = new Map()
  if (state.task(root) !== undefined) extendGraph(state, views, root, query)
  return views
}

/** All tasks with what they depend on. */
export function drawWholeGraph(state: SchedulerState): TaskViews {
  const views: TaskViews = new Map()
  for (const { id } of state.tasks())
    if (!views.has(id)) extendGraph(state, views, id, { direction: 'dependencies', includeDone: true })
  return views
}

function extendGraph(state: SchedulerState, views: TaskViews, root: string, query: GraphQuery): void {
  const seen = new Set([root])
  const queue = [root]
  let count = 0
  for (const id of queue) {
    if (views.has(id)) continue
    const task = findDescribed(state, id)
    const children = task === undefined ? [] : listChildren(state, task, query)
    views.set(id, describeGraphNode(state, id, task, children, id === root))
    if (++count >= state.config.max_graph_nodes) return
    for (const child of children) {
      if (seen.has(child)) continue
      seen.add(child)
      queue.push(child)
    }
  }
}

/** A task of which more is known than its id. */
function findDescribed(state: SchedulerState, id: string): LuigiTask | undefined {
  const task = state.task(id)
  return task?.family === '' ? undefined : task
}

function listChildren(
  state: SchedulerState,
  task: LuigiTask,
  { direction, includeDone }: GraphQuery,
): string[] {
  const ids =
    direction === 'dependencies'
      ? [...task.deps]
      : [...state.dependencies.dependantsOf(task.id)].map(({ id }) => id)
  return ids.filter((id) => includeDone || state.task(id)?.status !== 'DONE').sort(compareText)
}

function describeGraphNode(
  { config }: SchedulerState,
  id: string,
  task: LuigiTask | undefined,
  deps: string[],
  isRoot: boolean,
): TaskView {
  if (task === undefined) return describeUnknown(id, isRoot)
  return { ...(isRoot && { display_name: makeDisplayName(task) }), ...describeNode(config, task), deps }
}

/** A task that was only named so far. Ids begin with their family. */
const describeUnknown = (id: string, isRoot: boolean): TaskView => ({
  ...(isRoot && { display_name: id }),
  deps: [],
  status: 'UNKNOWN',
  workers: [],
  start_time: 'UNKNOWN',
  params: { task_id: id },
  name: /^(.*?)[(_]/s.exec(id)?.[1] ?? 'UNKNOWN',
  priority: 0,
})

const compareText = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)
