import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { openDatabase } from '../../src/adapters/sqlite/database.ts'
import { sqliteFeed } from '../../src/adapters/sqlite/feed.ts'
import { sqlitePlans } from '../../src/adapters/sqlite/plans.ts'
import { sqliteQueue } from '../../src/adapters/sqlite/queue.ts'
import { sqliteStore } from '../../src/adapters/sqlite/store.ts'
import { temporaryFolder } from '../support/folders.ts'
import { testClock } from '../support/test-clock.ts'
import { sharedSuite } from './shared.suite.ts'
import { conformance } from './suites.ts'

const make = async (test: TestContext) => {
  const clock = testClock()
  const path = join(temporaryFolder(test), 'state.db')
  const open = (follower: string) => {
    const database = openDatabase(path)
    test.after(() => database.close())
    const feed = sqliteFeed(database, follower, clock, async () => false)
    return {
      store: sqliteStore(database, feed),
      feed,
      queue: sqliteQueue(database, follower, clock),
      plans: sqlitePlans(database),
    }
  }
  return { clock, ...open('one'), other: open('two') }
}

conformance('sqlite', make)
sharedSuite('sqlite', make)
