import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { openDatabase } from '../../src/adapters/sqlite/database.ts'
import { makeSqliteFeed } from '../../src/adapters/sqlite/feed.ts'
import { makeSqlitePlans } from '../../src/adapters/sqlite/plans.ts'
import { makeSqliteQueue } from '../../src/adapters/sqlite/queue.ts'
import { makeSqliteStore } from '../../src/adapters/sqlite/store.ts'
import { temporaryFolder } from '../support/folders.ts'
import { testClock } from '../support/test-clock.ts'
import { sharedSuite } from './shared.suite.ts'
import { conformance } from './suites.ts'

const open = (test: TestContext) => {
  const clock = testClock()
  const path = join(temporaryFolder(test), 'state.db')
  return (follower: string) => {
    const database = openDatabase(path)
    test.after(() => database.close())
    const feed = makeSqliteFeed(database, follower, clock, async () => false)
    return {
      clock,
      store: makeSqliteStore(database, feed),
      feed,
      queue: makeSqliteQueue(database, follower, clock),
      plans: makeSqlitePlans(database),
    }
  }
}

const make = async (test: TestContext) => {
  const process = open(test)
  return { ...process('one'), other: process('two') }
}

/** What deciding sees is not there for other processes yet. */
const makeDeciding = async (test: TestContext) => {
  const { store, queue, ...rest } = open(test)('one')
  return { ...rest, store: store.speculative, queue: queue.speculative }
}

conformance('sqlite', make)
conformance('sqlite, as deciding sees it', makeDeciding)
sharedSuite('sqlite', make)
