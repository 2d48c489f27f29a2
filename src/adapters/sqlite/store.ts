import type { DatabaseSync } from 'node:sqlite'
import {
  applyChange,
  type Change,
  conditionHolds,
  isCarriedByFeed,
  type Stored,
  type WriteResult,
} from '../../core/change.ts'
import type { Key } from '../../core/keys.ts'
import { mustHave } from '../../core/must-have.ts'
import { makeTypedStore, type Store } from '../../core/ports/deciding.ts'
import type { StoredRecord } from '../../core/records/stored-record.ts'
import type { Database } from './database.ts'
import type { SqliteFeed } from './feed.ts'
import { makeRecordCache } from './record-cache.ts'
import { readSqlRow, readSqlRows } from './rows.ts'

interface Row {
  key: string
  body: string
}

function parseStoredRecord({ body }: Pick<Row, 'body'>): Stored {
  return JSON.parse(body)
}

const DONE: WriteResult = { ok: true }

const readDueAtOrNull = (record: Stored) => ('dueAt' in record ? (record.dueAt ?? null) : null)

/** A store, and the same for {@link Ports.speculative}. */
export interface SqliteStore extends Store {
  speculative: Store
}

const MAKERS = 'maker/'

/** The statements of one of the two tables of records. */
const prepareTable = (sql: DatabaseSync, table: 'record' | 'maker') => ({
  select: sql.prepare(`SELECT body FROM ${table} WHERE key = ?`),
  update: sql.prepare(`UPDATE ${table} SET body = ?, due_at = ? WHERE key = ?`),
  insert: sql.prepare(`INSERT INTO ${table} (key, body, due_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`),
  remove: sql.prepare(`DELETE FROM ${table} WHERE key = ?`),
  // Two lower bounds in one statement would make SQLite begin at the lesser one.
  range: sql.prepare(`SELECT key, body FROM ${table} WHERE key >= ? AND key < ? ORDER BY key LIMIT ?`),
  rangeAfter: sql.prepare(`SELECT key, body FROM ${table} WHERE key > ? AND key < ? ORDER BY key LIMIT ?`),
})

/**
 * Records as JSON, makers in a table of their own. Writes asked for in the same turn of the event loop are committed together; each keeps
 * its own conditions and atomicity. `onEvent` is called when there is something in the feed.
 */
export function makeSqliteStore(
  database: Database,
  feed: Pick<SqliteFeed, 'tell'>,
  onEvent: () => void = () => {},
): SqliteStore {
  const { sql } = database
  const [records, makers] = [prepareTable(sql, 'record'), prepareTable(sql, 'maker')]
  const tableOf = (key: string) => (key.startsWith(MAKERS) ? makers : records)
  const due = sql.prepare('SELECT key, body FROM record WHERE due_at <= ? ORDER BY due_at LIMIT ?')

  const cache = makeRecordCache(database, (key) => {
    database.reading()
    const row = readSqlRow<Row>(tableOf(key).select, key)
    return row && parseStoredRecord(row)
  })

  function apply(change: Change, before: Stored | undefined): void {
    const after = applyChange(change, before)
    const table = tableOf(change.key)
    if (after === undefined) table.remove.run(change.key)
    else if (before === undefined) table.insert.run(change.key, JSON.stringify(after), readDueAtOrNull(after))
    else table.update.run(JSON.stringify(after), readDueAtOrNull(after), change.key)
    kept(change.key, before, after)
  }

  function kept(key: Key, before: Stored | undefined, after: Stored | undefined): void {
    cache.keep(key, after)
    if (!isCarriedByFeed(before, after)) return
    feed.tell(key)
    onEvent()
  }

  /** A record that must not be there yet is put without looking first. */
  function putOne(change: Change & { put: StoredRecord }): boolean {
    const after = mustHave(applyChange(change, undefined), 'record that is put')
    const { insert } = tableOf(change.key)
    if (insert.run(change.key, JSON.stringify(after), readDueAtOrNull(after)).changes === 0) return false
    kept(change.key, undefined, after)
    return true
  }

  function writeOne(change: Change): WriteResult {
    cache.refresh()
    if (change.if === 'absent' && 'put' in change && putOne(change)) return DONE
    const before = cache.read(change.key)
    if (!conditionHolds(change, before)) return { ok: false, failures: [{ index: 0, current: before }] }
    apply(change, before)
    return DONE
  }

  function writeAll(changes: readonly Change[]): WriteResult {
    cache.refresh()
    const befores = changes.map(({ key }) => cache.read(key))
    const failures = changes.flatMap((change, index) =>
      conditionHolds(change, befores[index]) ? [] : [{ index, current: befores[index] }],
    )
    if (failures.length > 0) return { ok: false, failures }
    changes.forEach((change, index) => {
      apply(change, befores[index])
    })
    return DONE
  }

  const entry = (row: Row) => ({ key: row.key, record: parseStoredRecord(row) })

  const storeOf = (ask: Database['commit'], settled: Database['settled']): Store =>
    makeTypedStore({
      async read(wanted) {
        await settled()
        cache.refresh()
        return cache.readAll(wanted)
      },
      write: (changes) => ask(() => writeAll(changes)),
      writeEach: (changes) => ask(() => changes.map(writeOne)),
      async list({ prefix, after = '', limit = -1 }) {
        await settled()
        const { range, rangeAfter } = tableOf(prefix)
        const [from, lower] = after < prefix ? [range, prefix] : [rangeAfter, after]
        return readSqlRows<Row>(from, lower, `${prefix}\u{10ffff}`, limit).map(entry)
      },
      async due({ before, limit }) {
        await settled()
        // Loops ask for what is due every second, also while nothing else happens.
        database.check()
        return readSqlRows<Row>(due, before, limit).map(entry)
      },
    })
  return {
    ...storeOf(database.commit, database.settled),
    speculative: storeOf(database.apply, () => undefined),
  }
}
