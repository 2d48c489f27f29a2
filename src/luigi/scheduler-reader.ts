import type { SchedulerStore, TaskEvent, TaskEventQuery } from '../core/ports/luigi.ts'
import { readState } from './kept-state.ts'
import type { SchedulerConfig } from './scheduler/config.ts'
import type { SchedulerState } from './scheduler/state.ts'

/** A scheduler as it is looked at. */
export interface SchedulerLook {
  /** Answers from the state as it is kept; nothing changes. */
  look<T>(view: (state: SchedulerState) => T): T
  /** What has become of tasks, the newest first; also of tasks that are forgotten. */
  readEvents(query: TaskEventQuery): TaskEvent[]
}

/** With more tasks a read takes so long that it is made rarely. */
const MANY_TASKS = 5_000
/** It then rests for so many times as long as it took: pages that ask every few seconds take up 5% of the time at most. */
const REST = 19

/**
 * The state of a scheduler that works in another process, or in none. It is read whole after each of its changes, so one
 * of many tasks is shown as it was a moment ago.
 */
export class SchedulerReader implements SchedulerLook {
  readonly #store: SchedulerStore
  readonly #config: SchedulerConfig
  readonly #now: () => number
  #state: SchedulerState | undefined
  #isOld = false
  #restsUntil = Number.NEGATIVE_INFINITY

  /** `now`: milliseconds of a steady clock. */
  constructor(store: SchedulerStore, config: SchedulerConfig, now: () => number) {
    this.#store = store
    this.#config = config
    this.#now = now
  }

  look<T>(view: (state: SchedulerState) => T): T {
    return this.#store.look((isChanged) => {
      this.#isOld ||= isChanged
      return view(this.#readCurrent())
    })
  }

  readEvents(query: TaskEventQuery): TaskEvent[] {
    return this.#store.readEvents(query)
  }

  close(): void {
    this.#store.close()
  }

  #readCurrent(): SchedulerState {
    const began = this.#now()
    if (this.#state !== undefined && (!this.#isOld || began < this.#restsUntil)) return this.#state
    const state = readState(this.#store, this.#config)
    const ended = this.#now()
    this.#restsUntil = state.taskCount > MANY_TASKS ? ended + REST * (ended - began) : began
    this.#isOld = false
    this.#state = state
    return state
  }
}
