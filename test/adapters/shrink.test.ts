import assert from 'node:assert/strict'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, it, type TestContext } from 'node:test'
import { openDatabase } from '../../src/adapters/sqlite/database.ts'
import { shrinkDatabase } from '../../src/adapters/sqlite/shrink.ts'
import { temporaryFolder } from '../support/folders.ts'

const RECORDS = 20_000

/** A state with records that were forgotten, but for a tenth; made by an older version where asked. */
function pruned(test: TestContext, made?: 'before') {
  const path = join(temporaryFolder(test), 'state.db')
  if (made === 'before') {
    const old = new DatabaseSync(path)
    old.exec('PRAGMA auto_vacuum = NONE; PRAGMA journal_mode = WAL; CREATE TABLE other (x)')
    old.close()
  }
  const database = openDatabase(path)
  test.after(() => database.close())
  const insert = database.sql.prepare('INSERT INTO record (key, body) VALUES (?, ?)')
  database.transaction(() => {
    for (let n = 0; n < RECORDS; n++) insert.run(`task/${n}`, 'x'.repeat(500))
  })
  database.transaction(() => database.sql.exec('DELETE FROM record WHERE rowid % 10 > 0'))
  database.sql.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  return { path, database }
}

const count = (sql: DatabaseSync) => sql.prepare('SELECT count(*) AS n FROM record').get()?.n

describe('the file of a state whose runs were forgotten', () => {
  for (const made of [undefined, 'before'] as const)
    it(`gets shorter${made ? ', also where an older version made it' : ''}, and keeps what is left`, async (test) => {
      const { path, database } = pruned(test, made)
      const before = statSync(path).size
      const { beforeBytes, afterBytes } = await shrinkDatabase(database, async () => false)
      assert.equal(beforeBytes, before)
      assert.ok(statSync(path).size < before / 4, `${statSync(path).size} of ${before}`)
      assert.equal(afterBytes, statSync(path).size)
      assert.equal(count(database.sql), RECORDS / 10)
      assert.equal(database.sql.prepare('PRAGMA auto_vacuum').get()?.auto_vacuum, 2)
    })

  it('gets shorter while another process reads and writes it', async (test) => {
    const { path, database } = pruned(test)
    const other = openDatabase(path)
    test.after(() => other.close())
    const insert = other.sql.prepare('INSERT INTO record (key, body) VALUES (?, ?)')
    const [{ beforeBytes, afterBytes }] = await Promise.all([
      shrinkDatabase(database, async () => true),
      other.commit(() => insert.run('task/new', 'x')),
    ])
    assert.ok(afterBytes < beforeBytes / 4)
    assert.equal(count(other.sql), RECORDS / 10 + 1)
  })
})
