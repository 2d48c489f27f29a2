import type { Json } from '../core/json.ts'
import type { SchedulerStore } from '../core/ports/luigi.ts'
import type { SchedulerConfig } from './scheduler/config.ts'
import { listPublicParams } from './scheduler/describe-task.ts'
import { type SchedulerSettings, SchedulerState } from './scheduler/state.ts'
import type { LuigiTask } from './scheduler/task.ts'
import type { LuigiWorker, WorkerBatchers } from './scheduler/worker.ts'

/**
 * How a task is kept: its workers by number. A number is never used again, so a worker that was forgotten is out of all
 * tasks without a write to any of them.
 */
type KeptTask = Omit<LuigiTask, 'deps' | 'stakeholders' | 'workers'> & {
  deps: string[]
  stakeholders: number[]
  workers: number[]
}

const SETTINGS = 'settings'

/** Reads a state as it was kept. */
export function readState(store: SchedulerStore, config: SchedulerConfig): SchedulerState {
  const state = new SchedulerState(config)
  const ids = new Map<number, string>()
  for (const body of store.readAll('worker')) {
    const worker = JSON.parse(body) as LuigiWorker
    ids.set(worker.number, worker.id)
    state.restoreWorker(worker)
  }
  for (const body of store.readAll('batcher')) {
    const batchers = JSON.parse(body) as WorkerBatchers
    state.reserveNumbers(batchers.number)
    state.batchers.restore(batchers)
  }
  const name = (numbers: number[]) => {
    for (const number of numbers) state.reserveNumbers(number)
    return new Set(numbers.flatMap((number) => ids.get(number) ?? []))
  }
  for (const body of store.readAll('task')) {
    const { deps, stakeholders, workers, ...fields } = JSON.parse(body) as KeptTask
    state.restoreTask({
      ...fields,
      deps: new Set(deps),
      stakeholders: name(stakeholders),
      workers: name(workers),
    })
  }
  const settings = store.readSetting(SETTINGS)
  if (settings !== undefined) state.updateSettings(JSON.parse(settings) as SchedulerSettings)
  // What was read need not be written.
  state.takeChanges()
  return state
}

/** Writes what a call has changed. Returns the changes of statuses. */
export function writeChanges(store: SchedulerStore, state: SchedulerState, now: number) {
  const { tasks, removedTasks, workers, removedWorkers, settings, statuses } = state.takeChanges()
  const batchers = state.batchers.takeChanges()
  for (const task of removedTasks) store.remove('task', task.number)
  for (const worker of removedWorkers) store.remove('worker', worker.number)
  for (const { number } of batchers.removed) store.remove('batcher', number)
  for (const each of batchers.changed) store.put('batcher', each.number, JSON.stringify(each))
  for (const worker of workers) store.put('worker', worker.number, JSON.stringify(worker))
  for (const task of tasks) store.put('task', task.number, writeTaskText(state, task))
  if (settings) store.putSetting(SETTINGS, JSON.stringify(state.settings))
  for (const { task, status } of statuses)
    if (status !== 'UNKNOWN')
      store.appendEvent({
        at: now,
        taskId: task.id,
        family: task.family,
        status,
        worker: task.workerRunning,
        details: writeEventDetails(task, status),
      })
  return statuses
}

function writeTaskText(state: SchedulerState, task: LuigiTask): string {
  const numbers = (ids: ReadonlySet<string>) => [...ids].flatMap((id) => state.worker(id)?.number ?? [])
  const kept: KeptTask = {
    ...task,
    deps: [...task.deps],
    stakeholders: numbers(task.stakeholders),
    workers: numbers(task.workers),
  }
  return JSON.stringify(kept)
}

function writeEventDetails(task: LuigiTask, status: string): string {
  const details: { [name: string]: Json } = { params: listPublicParams(task) }
  if (status === 'FAILED' || status === 'DISABLED') details.explanation = task.explanation
  return JSON.stringify(details)
}
