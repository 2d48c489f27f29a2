import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { type Database, openDatabase } from '../../src/adapters/sqlite/database.ts'
import { makeSqliteFeed } from '../../src/adapters/sqlite/feed.ts'
import { makeSqlitePlans } from '../../src/adapters/sqlite/plans.ts'
import { makeSqliteQueue } from '../../src/adapters/sqlite/queue.ts'
import { makeSqliteStore } from '../../src/adapters/sqlite/store.ts'
import type { Key } from '../../src/core/keys.ts'
import { temporaryFolder } from '../support/folders.ts'
import { testClock } from '../support/test-clock.ts'

/** Tables that stay small whatever a state has seen: a row for each worker, or a few in all. */
const SMALL = ['wish', 'setting', 'pools']

/** Every statement that the adapters prepare. */
function statementsOf(database: Database): string[] {
  const statements: string[] = []
  const prepare = database.sql.prepare.bind(database.sql)
  database.sql.prepare = (text) => {
    statements.push(text)
    return prepare(text)
  }
  const clock = testClock()
  const feed = makeSqliteFeed(database, 'one', clock, async () => false)
  makeSqliteStore(database, feed)
  makeSqliteQueue(database, 'one', clock)
  makeSqlitePlans(database)
  database.sql.prepare = prepare
  return statements
}

describe('the statements of the embedded adapters', () => {
  it('find their rows by an index, so that none takes longer the more a state has seen', (test) => {
    const database = openDatabase(join(temporaryFolder(test), 'state.db'))
    test.after(() => database.close())
    const statements = statementsOf(database)
    assert.ok(statements.length > 25)
    for (const text of statements) {
      const steps = database.sql.prepare(`EXPLAIN QUERY PLAN ${text}`).all()
      const scanned = steps.flatMap(({ detail }) => /^SCAN (\w+)/.exec(String(detail))?.[1] ?? [])
      assert.deepEqual(
        scanned.filter((table) => !SMALL.includes(table) && table !== 'CONSTANT'),
        [],
        text,
      )
    }
  })

  it('list what is last as quickly as what is first', async (test) => {
    const database = openDatabase(join(temporaryFolder(test), 'state.db'))
    test.after(() => database.close())
    const insert = database.sql.prepare('INSERT INTO record (key, body) VALUES (?, ?)')
    database.transaction(() => {
      for (let n = 0; n < 50_000; n++) insert.run(`m/${n}`, '{}')
      for (const key of ['a/1', 'z/1']) insert.run(key, '{}')
    })
    const store = makeSqliteStore(database, { tell: () => {} })
    const cpuOf = async (prefix: string) => {
      const before = process.cpuUsage()
      for (let n = 0; n < 50; n++)
        assert.equal((await store.list({ prefix: prefix as Key, consistency: 'strong' })).length, 1)
      const { user, system } = process.cpuUsage(before)
      return user + system
    }
    await cpuOf('a/')
    const first = await cpuOf('a/')
    // A list that begins at the first record of all takes a thousand times as long.
    assert.ok((await cpuOf('z/')) < 50 * Math.max(first, 1_000))
  })
})
