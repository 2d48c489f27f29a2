import { applyChange, type Change, conditionHolds, isFeedworthy, type Stored } from '../../core/change.ts'
import type { Store, WriteResult } from '../../core/ports.ts'
import type { Database } from './database.ts'

interface Row {
  key: string
  body: string
}

interface Waiting {
  changes: Change[]
  resolve: (result: WriteResult) => void
  reject: (error: unknown) => void
}

/** How many writes share one transaction at most, so that other processes get their turn. */
const GROUP = 2_000

/**
 * Records as JSON in one table. Writes asked for in the same turn of the event loop are committed together
 * (group commit); each keeps its own conditions and atomicity.
 */
export function sqliteStore(database: Database, onChange: () => void = () => {}): Store {
  const { sql } = database
  const select = sql.prepare('SELECT key, body FROM record WHERE key = ?')
  const upsert = sql.prepare(
    'INSERT INTO record (key, body, due_at) VALUES (?, ?, ?) ON CONFLICT (key) DO UPDATE SET body = excluded.body, due_at = excluded.due_at',
  )
  const remove = sql.prepare('DELETE FROM record WHERE key = ?')
  const tell = sql.prepare('INSERT INTO feed (key) VALUES (?)')
  const range = sql.prepare(
    'SELECT key, body FROM record WHERE key > ? AND key >= ? AND key < ? ORDER BY key LIMIT ?',
  )
  const due = sql.prepare('SELECT key, body FROM record WHERE due_at <= ? ORDER BY due_at LIMIT ?')

  let waiting: Waiting[] = []

  const current = (key: string) => {
    const row = select.get(key) as Row | undefined
    return row === undefined ? undefined : (JSON.parse(row.body) as Stored)
  }

  function apply(change: Change, before: Stored | undefined): void {
    const after = applyChange(change, before)
    if (after === undefined) remove.run(change.key)
    else upsert.run(change.key, JSON.stringify(after), 'dueAt' in after ? (after.dueAt ?? null) : null)
    if (isFeedworthy(before, after)) tell.run(change.key)
  }

  function writeOne(changes: Change[]): WriteResult {
    const befores = changes.map((change) => current(change.key))
    const failures = changes.flatMap((change, index) =>
      conditionHolds(change, befores[index]) ? [] : [{ index, current: befores[index] }],
    )
    if (failures.length > 0) return { ok: false, failures }
    changes.forEach((change, index) => {
      apply(change, befores[index])
    })
    return { ok: true }
  }

  function commit(): void {
    const group = waiting.slice(0, GROUP)
    waiting = waiting.slice(GROUP)
    if (waiting.length > 0) setImmediate(commit)
    try {
      const results = database.transaction(() => group.map((each) => writeOne(each.changes)))
      group.forEach((each, index) => {
        each.resolve(results[index] as WriteResult)
      })
      onChange()
    } catch (error) {
      for (const each of group) each.reject(error)
    }
  }

  const entry = (row: unknown) => ({
    key: (row as Row).key,
    record: JSON.parse((row as Row).body) as Stored,
  })

  return {
    read: async (wanted) => wanted.map(current),
    write: (changes) =>
      new Promise((resolve, reject) => {
        if (waiting.length === 0) setImmediate(commit)
        waiting.push({ changes, resolve, reject })
      }),
    list: async ({ prefix, after = '', limit = -1 }) =>
      range.all(after, prefix, `${prefix}\u{10ffff}`, limit).map(entry),
    due: async ({ before, limit }) => due.all(before, limit).map(entry),
  }
}
