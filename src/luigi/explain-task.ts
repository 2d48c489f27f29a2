import { findTotal, sumRunningAmounts } from './scheduler/amounts.ts'
import { makeDisplayName } from './scheduler/describe-task.ts'
import type { SchedulerState } from './scheduler/state.ts'
import type { LuigiTask } from './scheduler/task.ts'
import { UpstreamFinder } from './scheduler/upstream.ts'
import { countProcesses, isAssistant } from './scheduler/worker.ts'

/** One thing that holds a task back. */
export interface Hindrance {
  text: string
  /** Seconds since the epoch at which it ends by itself, if that is known. */
  until?: number
}

/** More are counted. */
const NAMED = 10

/** Why a task does not run now: all that holds it back, by the rules by which work is handed out. */
export function explainTask(state: SchedulerState, task: LuigiTask): Hindrance[] {
  switch (task.status) {
    case 'DONE':
      return [{ text: 'it is done' }]
    case 'RUNNING':
      return [{ text: `it runs${nameWorker(task)}` }]
    case 'BATCH_RUNNING':
      return [{ text: `it runs in a batch${nameWorker(task)}` }]
    case 'FAILED':
      return [explainFailure(state, task)]
    case 'DISABLED':
      return [
        {
          text:
            task.disabledAt === null
              ? 'its worker has disabled it'
              : 'the scheduler has disabled it, because it failed too often',
        },
      ]
    case 'UNKNOWN':
      return [{ text: 'other tasks depend on it, and no worker has added it' }]
    case 'PENDING':
      return explainPending(state, task)
  }
}

/** A task as people call it; its id if no more is known. */
export const nameTask = (task: LuigiTask): string => (task.family === '' ? task.id : makeDisplayName(task))

const nameWorker = ({ workerRunning }: LuigiTask) => (workerRunning === null ? '' : `: ${workerRunning}`)

const explainFailure = ({ config }: SchedulerState, { retryAt }: LuigiTask): Hindrance =>
  config.retry_delay < 0 || retryAt === null
    ? { text: 'it has failed' }
    : { text: 'it has failed, and waits for its next try', until: retryAt }

function explainPending(state: SchedulerState, task: LuigiTask): Hindrance[] {
  const isReady = state.dependencies.isMet(task)
  const found = [
    ...(state.settings.paused ? [{ text: 'the scheduler is paused' }] : []),
    ...(isReady ? explainResources(state, task) : explainDependencies(state, task)),
    ...explainWorkers(state, task),
  ]
  return found.length > 0 ? found : [explainTurn(state, task)]
}

function explainDependencies(state: SchedulerState, task: LuigiTask): Hindrance[] {
  const open = [...task.deps].filter((id) => state.task(id)?.status !== 'DONE')
  const upstream = new UpstreamFinder(state)
  const named = open.slice(0, NAMED).map((id) => {
    const dependency = state.task(id)
    if (dependency === undefined) return { text: `it depends on ${id}, which no worker has added` }
    const { status } = dependency
    // Luigi says of each pending task without dependencies that its input is missing, also if it can start.
    const why = status === 'PENDING' && dependency.deps.size > 0 ? upstream.find(dependency) : ''
    return {
      text: `it depends on ${nameTask(dependency)}, which is ${status}${why === '' ? '' : ` (${why})`}`,
    }
  })
  const more = open.length - named.length
  return more > 0 ? [...named, { text: `and on ${more} more that are not done` }] : named
}

function explainResources(state: SchedulerState, { resources }: LuigiTask): Hindrance[] {
  const { resources: totals } = state.settings
  const running = state.withStatus('RUNNING')
  const used = sumRunningAmounts(running)
  return Object.entries(resources).flatMap(([name, amount]) => {
    const total = findTotal(totals, name)
    if (amount > total)
      return [{ text: `it needs ${amount} of the resource ${name}, which has ${total} in all` }]
    if (amount + used.taken(name) <= total) return []
    const holders = [...running].filter(({ resourcesRunning }) => (resourcesRunning?.[name] ?? 0) > 0)
    const names = holders.slice(0, NAMED).map(nameTask).join(', ')
    const more = holders.length > NAMED ? ` and ${holders.length - NAMED} more` : ''
    return [
      {
        text: `it needs ${amount} of the resource ${name}: ${used.taken(name)} of ${total} are taken by ${names}${more}`,
      },
    ]
  })
}

/** A task of which no worker says that it can run it is made elsewhere, or its workers are gone. */
function explainWorkers(state: SchedulerState, { workers, runnable }: LuigiTask): Hindrance[] {
  if (workers.size > 0) return []
  if (!runnable) return [{ text: 'no worker can run it: it is made elsewhere' }]
  if ([...state.workers()].some((worker) => isAssistant(worker) && !worker.disabled)) return []
  return [{ text: 'the workers that can run it are gone' }]
}

function explainTurn(state: SchedulerState, { workers }: LuigiTask): Hindrance {
  const running = countRunning(state)
  const isBusy = [...workers].every((id) => {
    const worker = state.worker(id)
    return worker !== undefined && (running.get(id) ?? 0) >= countProcesses(worker)
  })
  return workers.size > 0 && isBusy
    ? { text: 'all processes of the workers that can run it are busy' }
    : { text: 'it can start: a worker gets it by its rank, when it asks for work' }
}

/** How many tasks each worker runs. */
export function countRunning(state: SchedulerState): Map<string, number> {
  const counts = new Map<string, number>()
  for (const { workerRunning } of state.withStatus('RUNNING'))
    if (workerRunning !== null) counts.set(workerRunning, (counts.get(workerRunning) ?? 0) + 1)
  return counts
}
