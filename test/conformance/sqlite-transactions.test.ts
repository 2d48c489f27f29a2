import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, it, type TestContext } from 'node:test'
import { openDatabase } from '../../src/adapters/sqlite/database.ts'
import { makeSqliteFeed } from '../../src/adapters/sqlite/feed.ts'
import { makeSqliteStore } from '../../src/adapters/sqlite/store.ts'
import type { Change } from '../../src/core/change.ts'
import { keys } from '../../src/core/keys.ts'
import { temporaryFolder } from '../support/folders.ts'
import { taskRun } from '../support/records.ts'
import { testClock } from '../support/test-clock.ts'

const KEY = keys.taskRun('r-1', 0)
const END: Change[] = [{ key: KEY, set: { status: 'succeeded' }, if: { status: 'queued' } }]

async function open(test: TestContext) {
  const path = join(temporaryFolder(test), 'state.db')
  const database = openDatabase(path)
  const feed = makeSqliteFeed(database, 'one', testClock(), async () => false)
  let onEvent = () => {}
  const store = makeSqliteStore(database, feed, () => onEvent())
  const others = new DatabaseSync(path)
  test.after(() => {
    others.close()
    database.close()
  })
  await store.write([{ key: KEY, put: taskRun({ status: 'queued' }), if: 'absent' }])
  await store.write([{ key: KEY, set: { attempt: 2 } }])
  // Takes the lease of the feed too, which is a transaction of its own.
  await feed.acknowledge(await feed.take(10))
  await store.write([{ key: KEY, set: { priority: 1 } }])
  const seen = () => ({
    status: JSON.parse(String(others.prepare('SELECT body FROM record WHERE key = ?').get(KEY)?.body)).status,
    events: others.prepare('SELECT count(*) AS n FROM feed').get()?.n,
  })
  const whenEvent = (react: () => void) => {
    onEvent = () => queueMicrotask(react)
  }
  return { database, others, feed, store, seen, whenEvent }
}

describe('a transaction of the embedded state', () => {
  it('knows what another process has committed just before it began', async (test) => {
    const { database, others } = await open(test)
    const before = database.foreignVersion()
    others.exec(`UPDATE record SET due_at = 1 WHERE key = '${KEY}'`)
    assert.notEqual(
      database.transaction(() => database.foreignVersion()),
      before,
    )
  })

  it('has the event of a change', async (test) => {
    const { store, seen, feed } = await open(test)
    await store.write(END)
    assert.deepEqual(seen(), { status: 'succeeded', events: 1 })
    assert.deepEqual(
      (await feed.take(10)).map(({ key }) => key),
      [KEY],
    )
  })

  it('has what is done at once about a change, and no event that is done with', async (test) => {
    const { store, seen, feed, whenEvent } = await open(test)
    let isHandled = false
    whenEvent(async () => {
      const events = await feed.take(10)
      if (events.length === 0) return
      await store.speculative.write([{ key: KEY, set: { priority: 7 } }])
      assert.equal(seen().status, 'queued', 'told before the commit')
      await feed.acknowledge(events)
      isHandled = true
    })
    await store.write(END)
    assert.ok(isHandled)
    assert.deepEqual(seen(), { status: 'succeeded', events: 0 })
    assert.deepEqual(await feed.take(10), [])
    const [record] = await store.read([KEY])
    assert.equal((record as { priority?: number } | undefined)?.priority, 7)
  })

  it('is over when its changes are read, but for who decides', async (test) => {
    const { store, seen } = await open(test)
    await store.speculative.write(END)
    assert.equal((await store.speculative.read([KEY]))[0]?.version, 4)
    assert.equal(seen().status, 'queued')
    assert.equal((await store.read([KEY]))[0]?.version, 4)
    assert.equal(seen().status, 'succeeded')
  })

  it('that fails after it was told of leaves a state that takes nothing more', async (test) => {
    const { database, store, seen, feed } = await open(test)
    let isFull = false
    database.beforeCommit(() => {
      if (isFull) throw new Error('no room')
    })
    isFull = true
    await store.speculative.write(END)
    assert.equal((await store.read([KEY]))[0]?.version, 3)
    isFull = false
    assert.deepEqual(seen(), { status: 'queued', events: 0 })
    assert.deepEqual(await feed.take(10), [])
    await assert.rejects(store.write(END), /no room/)
  })

  it('that fails before anybody was told may be tried again', async (test) => {
    const { database, store, seen } = await open(test)
    let isFull = true
    database.beforeCommit(() => {
      if (isFull) throw new Error('no room')
    })
    await assert.rejects(store.write(END), /no room/)
    isFull = false
    await store.write(END)
    assert.equal(seen().status, 'succeeded')
  })
})

describe('the feed of the embedded state', () => {
  it('gives a follower nothing that the one before has acknowledged while the lease changed hands', async (test) => {
    const { database, feed, store } = await open(test)
    await store.write(END)
    const next = openDatabase(database.path)
    test.after(() => next.close())
    const isGone = async () => {
      await feed.acknowledge(await feed.take(10))
      await database.commit(() => {})
      return true
    }
    assert.deepEqual(await makeSqliteFeed(next, 'two', testClock(), isGone).take(10), [])
  })
})

describe('a state of before makers had a table of their own', () => {
  it('has its makers there afterwards', async (test) => {
    const path = join(temporaryFolder(test), 'state.db')
    openDatabase(path).close()
    const older = new DatabaseSync(path)
    const maker = { kind: 'maker', taskId: 't', family: 'T', params: {}, version: 1 }
    older.exec('DROP TABLE maker; PRAGMA user_version = 3')
    older
      .prepare('INSERT INTO record (key, body) VALUES (?, ?)')
      .run(keys.maker('file:///a'), JSON.stringify(maker))
    older.close()
    const database = openDatabase(path)
    test.after(() => database.close())
    const feed = makeSqliteFeed(database, 'one', testClock(), async () => false)
    const { read } = makeSqliteStore(database, feed)
    assert.deepEqual(await read([keys.maker('file:///a')]), [maker])
    assert.equal(database.sql.prepare('SELECT count(*) AS n FROM record').get()?.n, 0)
  })
})
