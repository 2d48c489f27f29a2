import { ARGUMENTS } from './arguments.ts'
import { defineMethod, type Method } from './method.ts'
import { drawGraph, drawWholeGraph } from './scheduler/graphs.ts'
import { listResources, listTasks, listWorkers, searchTasks } from './scheduler/lists.ts'
import { describeFailure } from './scheduler/operate.ts'
import { pruneState } from './scheduler/prune.ts'

const { graph, list, workers, search, task, none } = ARGUMENTS

/** The methods of the protocol that answer a question; most apply the rules of time first. */
export const ANSWER_METHODS: { [name: string]: Method } = {
  dep_graph: defineMethod(graph, (state, { task_id, include_done }, { now }) => {
    pruneState(state, now)
    return drawGraph(state, task_id, { direction: 'dependencies', includeDone: include_done })
  }),
  inverse_dep_graph: defineMethod(graph, (state, { task_id, include_done }, { now }) => {
    pruneState(state, now)
    return drawGraph(state, task_id, { direction: 'dependants', includeDone: include_done })
  }),
  graph: defineMethod(none, (state, _, { now }) => {
    pruneState(state, now)
    return drawWholeGraph(state)
  }),
  task_list: defineMethod(list, (state, sent, { now }) =>
    listTasks(
      state,
      {
        status: sent.status,
        upstreamStatus: sent.upstream_status,
        isLimited: sent.limit,
        search: sent.search,
        maxShown: sent.max_shown_tasks,
      },
      now,
    ),
  ),
  worker_list: defineMethod(workers, (state, { include_running }, { now }) => {
    pruneState(state, now)
    return listWorkers(state, include_running)
  }),
  resource_list: defineMethod(none, (state, _, { now }) => {
    pruneState(state, now)
    return listResources(state)
  }),
  task_search: defineMethod(search, (state, { task_str }, { now }) => {
    pruneState(state, now)
    return searchTasks(state, task_str)
  }),
  fetch_error: defineMethod(task, (state, { task_id }) => describeFailure(state, task_id)),
  get_task_status_message: defineMethod(task, (state, { task_id }) => {
    const found = state.task(task_id)
    return { taskId: task_id, statusMessage: found === undefined ? '' : found.statusMessage }
  }),
  get_task_progress_percentage: defineMethod(task, (state, { task_id }) => ({
    taskId: task_id,
    progressPercentage: state.task(task_id)?.progress ?? null,
  })),
  get_running_task_resources: defineMethod(task, (state, { task_id }) => ({
    taskId: task_id,
    resources: state.task(task_id)?.resourcesRunning ?? null,
  })),
  is_pause_enabled: defineMethod(none, (state) => ({ enabled: state.config.pause_enabled })),
  is_paused: defineMethod(none, (state) => ({ paused: state.settings.paused })),
  has_task_history: defineMethod(none, (state) => state.config.record_task_history),
}
