import type { SchedulerStore, TaskEvent, TaskEventQuery } from '../core/ports/luigi.ts'
import { readState, writeChanges } from './kept-state.ts'
import type { Method } from './method.ts'
import { SchedulerMetrics } from './metrics.ts'
import type { SchedulerConfig } from './scheduler/config.ts'
import { pruneState } from './scheduler/prune.ts'
import type { SchedulerState } from './scheduler/state.ts'
import type { SchedulerLook } from './scheduler-reader.ts'

/** What a scheduler stands on. */
export interface SchedulerParts {
  store: SchedulerStore
  config: SchedulerConfig
  /** Totals of resources that the state does not know yet. */
  resources: Readonly<Record<string, number>>
  makeUuid(): string
}

/**
 * The central scheduler of Luigi. Invariants:
 * 1. Each call is one transaction of the store: an answer is given only after all that it tells has been kept.
 * 2. The state in memory is what the store holds. After an error, or when another process has written, it is read anew.
 */
export class LuigiScheduler implements SchedulerLook {
  readonly #store: SchedulerStore
  readonly #makeUuid: () => string
  readonly #metrics = new SchedulerMetrics()
  #config: SchedulerConfig
  #state: SchedulerState | undefined

  constructor({ store, config, resources, makeUuid }: SchedulerParts) {
    this.#store = store
    this.#config = config
    this.#makeUuid = makeUuid
    if (Object.keys(resources).length > 0)
      this.#change(0, (state) => {
        state.updateSettings({ resources: { ...state.settings.resources, ...resources } })
      })
  }

  /** Performs a method with arguments that were checked. `now` is in seconds since the epoch. */
  call(method: Method, sent: unknown, now: number): unknown {
    return this.#change(now, (state) => method.perform(state, sent, { now, makeUuid: this.#makeUuid }))
  }

  /**
   * Counts the time for which no scheduler ran as no silence of the workers: they could not be heard, and what they run
   * goes on. Called once when a scheduler starts.
   */
  forgiveAbsence(now: number): void {
    this.#change(now, (state) => {
      let last = Number.NEGATIVE_INFINITY
      for (const { lastActive } of state.workers()) last = Math.max(last, lastActive)
      if (last >= now) return
      for (const worker of state.workers()) {
        if (worker.lastActive + this.#config.worker_disconnect_delay < last) continue
        const { lastActive, lastGetWork } = worker
        const absence = now - last
        state.updateWorker(worker, {
          lastActive: lastActive + absence,
          lastGetWork: lastGetWork === null ? null : lastGetWork + absence,
        })
      }
    })
  }

  /** Applies the rules of time. */
  prune(now: number): void {
    this.#change(now, (state) => pruneState(state, now))
  }

  /** Forgets everything, and takes another config. */
  reset(config: SchedulerConfig, resources: Readonly<Record<string, number>>): void {
    this.#config = config
    this.#store.transaction(() => this.#store.clear())
    this.#state = undefined
    this.#change(0, (state) => state.updateSettings({ resources }))
  }

  /** What has become of tasks, the newest first; also of tasks that are forgotten. */
  readEvents(query: TaskEventQuery): TaskEvent[] {
    return this.#store.readEvents(query)
  }

  look<T>(view: (state: SchedulerState) => T): T {
    return this.#store.look((isChanged) => view(this.#readCurrent(isChanged)))
  }

  /** Metrics as Prometheus reads them. */
  writeMetrics(): string {
    return this.#change(0, (state) => this.#metrics.write(state))
  }

  close(): void {
    this.#store.close()
  }

  #readCurrent(isChanged: boolean): SchedulerState {
    if (isChanged || this.#state === undefined) this.#state = readState(this.#store, this.#config)
    return this.#state
  }

  #change<T>(now: number, perform: (state: SchedulerState) => T): T {
    try {
      return this.#store.transaction((isChanged) => {
        const state = this.#readCurrent(isChanged)
        const answer = perform(state)
        for (const { task, status } of writeChanges(this.#store, state, now))
          this.#metrics.count(task, status)
        return answer
      })
    } catch (error) {
      this.#state = undefined
      throw error
    }
  }
}
