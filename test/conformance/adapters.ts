import type { TestContext } from 'node:test'
import type { Clock, Feed, Plans, Queue, Store } from '../../src/core/ports/deciding.ts'

/** The ports that suites are for. */
export interface Adapters {
  store: Store
  feed: Feed
  queue: Queue
  plans: Plans
}

/** A clock that a test moves; adapters of a service have to wait for real. */
export interface MovedClock extends Clock {
  advance(ms: number): void | Promise<void>
}

/** A fresh set of adapters for one test, with those that the suite is for. */
export type Make<K extends keyof Adapters> = (test: TestContext) => Promise<
  Pick<Adapters, K> & {
    clock: MovedClock
    /** The same state as another process sees it; absent where adapters live in one process. */
    other?: Pick<Adapters, K>
  }
>

/** Options of a suite: why it is skipped. */
export interface SuiteOptions {
  skip?: string
}
