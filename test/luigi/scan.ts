import type { SchedulerState } from '../../src/luigi/scheduler/state.ts'
import { compareRank, type LuigiTask, type Resources } from '../../src/luigi/scheduler/task.ts'
import { UpstreamFinder } from '../../src/luigi/scheduler/upstream.ts'
import { countProcesses, type LuigiWorker } from '../../src/luigi/scheduler/worker.ts'

type Taken = Map<string, number>

const take = (needed: Resources | null, taken: Taken) => {
  for (const [name, amount] of Object.entries(needed ?? {})) taken.set(name, amount + (taken.get(name) ?? 0))
}

/** The choice of {@link chooseTask}, made by looking at all tasks as the protocol says it. */
export class ScanningChooser {
  readonly #state: SchedulerState
  readonly #worker: LuigiWorker
  readonly #mayHelp: boolean
  readonly #isTrivial: boolean
  readonly #used: Taken = new Map()
  readonly #reserved: Taken = new Map()
  readonly #slots = new Map<string, number>()

  constructor(state: SchedulerState, worker: LuigiWorker, mayHelp: boolean, now: number) {
    this.#state = state
    this.#worker = worker
    this.#mayHelp = mayHelp
    this.#isTrivial =
      worker.info.assistant !== true &&
      [...state.tasks()].every(
        ({ status, workers, resources }) =>
          status !== 'PENDING' || !workers.has(worker.id) || Object.keys(resources).length === 0,
      )
    if (this.#isTrivial) return
    for (const task of state.tasks()) if (task.status === 'RUNNING') take(task.resourcesRunning, this.#used)
    for (const each of state.workers())
      if (each.lastGetWork !== null && each.lastGetWork > now - state.config.worker_disconnect_delay)
        this.#slots.set(each.id, countProcesses(each))
  }

  choose(): LuigiTask | undefined {
    const all = [...this.#state.tasks()]
      .filter((task) => !this.#isTrivial || task.workers.has(this.#worker.id))
      .sort(compareRank)
    for (const task of all) {
      if (task.status === 'RUNNING') this.#pass(task)
      if (!this.#isReady(task) || !this.#fits(task, this.#reserved)) continue
      const mayRun = task.workers.has(this.#worker.id) || (this.#mayHelp && task.runnable)
      if (mayRun && this.#fits(task, this.#used)) return task
      this.#reserve(task)
    }
    return undefined
  }

  #isReady({ status, deps }: LuigiTask): boolean {
    return status === 'PENDING' && [...deps].every((id) => this.#state.task(id)?.status === 'DONE')
  }

  #fits({ resources }: LuigiTask, taken: Taken): boolean {
    const totals = this.#state.settings.resources
    return Object.entries(resources).every(
      ([name, amount]) => amount + (taken.get(name) ?? 0) <= (totals[name] ?? 1),
    )
  }

  #pass({ workerRunning, resourcesRunning }: LuigiTask): void {
    const slots = this.#slots.get(workerRunning ?? '')
    if (slots === undefined) return
    this.#slots.set(workerRunning ?? '', slots - 1)
    take(resourcesRunning, this.#reserved)
  }

  #reserve(task: LuigiTask): void {
    const able = [...task.workers, ...(this.#mayHelp ? [this.#worker.id] : [])]
    const id = able.find((each) => (this.#slots.get(each) ?? 0) > 0)
    if (id === undefined) return
    this.#slots.set(id, (this.#slots.get(id) ?? 0) - 1)
    take(task.resources, this.#reserved)
  }
}

/** The counts of what is pending for a worker, made by looking at all tasks. */
export function countByScan(state: SchedulerState, worker: string) {
  const tasks = [...state.tasks()].filter(
    (task) =>
      task.workers.has(worker) &&
      ['PENDING', 'FAILED'].includes(task.status) &&
      // Anew for each: what one search finds around a cycle depends on where it began.
      new UpstreamFinder(state).find(task) !== 'UPSTREAM_DISABLED',
  )
  return {
    pending: tasks.length,
    unique: tasks.filter(({ workers }) => workers.size === 1).length,
    lastScheduled: tasks.filter(({ workers }) => [...workers].at(-1) === worker).length,
  }
}
