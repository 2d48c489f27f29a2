import type { MakeAdapters } from './adapters.ts'
import { feedSuite } from './feed.suite.ts'
import { plansSuite } from './plans.suite.ts'
import { queueSuite } from './queue.suite.ts'
import { storeSuite } from './store.suite.ts'

/** Runs every suite against one set of adapters. */
export function conformance(name: string, make: MakeAdapters): void {
  for (const suite of [storeSuite, feedSuite, queueSuite, plansSuite]) suite(name, make)
}
