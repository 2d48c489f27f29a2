import type { Adapters, Make } from './adapters.ts'
import { feedSuite } from './feed.suite.ts'
import { plansSuite } from './plans.suite.ts'
import { queueSuite, queueTurnsSuite } from './queue.suite.ts'
import { storeSuite } from './store.suite.ts'

/** Runs the suites of single ports against one set of adapters; docs/architecture.md lists the others. */
export function conformance(name: string, make: Make<keyof Adapters>): void {
  for (const suite of [storeSuite, feedSuite, queueSuite, queueTurnsSuite, plansSuite]) suite(name, make)
}
