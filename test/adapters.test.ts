import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, it } from 'node:test'
import { openDatabase } from '../src/adapters/sqlite/database.ts'
import { isGone, workerId } from '../src/adapters/system/processes.ts'
import { temporaryFolder } from './support/folders.ts'

describe('a state of an older version', () => {
  it('is migrated after a backup', (test) => {
    const folder = temporaryFolder(test)
    const path = join(folder, 'state.db')
    const first = ['CREATE TABLE old (x INTEGER)']
    const before = openDatabase(path, first)
    before.sql.exec('INSERT INTO old VALUES (7)')
    before.close()
    const after = openDatabase(path, [...first, 'CREATE TABLE young AS SELECT x + 1 AS y FROM old'])
    assert.equal(after.sql.prepare('SELECT y FROM young').get()?.y, 8)
    after.close()
    const backup = readdirSync(folder).find(
      (name) => name.startsWith('state.db.v1-') && name.endsWith('.backup'),
    )
    const copy = new DatabaseSync(join(folder, backup ?? ''))
    assert.equal(copy.prepare('SELECT x FROM old').get()?.x, 7)
    assert.throws(() => copy.prepare('SELECT y FROM young'))
    copy.close()
  })
})

describe('a worker process', () => {
  it('is known to be gone only on its own host', async () => {
    const own = workerId()
    assert.equal(await isGone(own), false)
    const [host = '', , start = ''] = own.split('/')
    assert.equal(await isGone(`${host}/999999999/${start}`), true)
    assert.equal(
      await isGone(`${host}/${process.pid}/${start}1`),
      true,
      'its number is another process by now',
    )
    assert.equal(await isGone(`elsewhere/999999999/${start}`), false)
  })
})
