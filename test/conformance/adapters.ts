import type { TestContext } from 'node:test'
import type { Feed, Plans, Queue, Store } from '../../src/core/ports.ts'
import type { TestClock } from '../support/test-clock.ts'

/** A set of adapters under test, each empty. */
export interface Adapters {
  clock: TestClock
  store: Store
  feed: Feed
  queue: Queue
  plans: Plans
  /** The same state as another process sees it; absent where adapters live in one process. */
  other?: { store: Store; feed: Feed; queue: Queue; plans: Plans }
}

/** Makes a fresh set for one test. */
export type MakeAdapters = (test: TestContext) => Promise<Adapters>
