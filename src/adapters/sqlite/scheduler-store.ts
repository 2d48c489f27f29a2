import type { SchedulerKind, SchedulerStore, TaskEvent } from '../../core/ports/luigi.ts'
import { type DatabaseOptions, openDatabase } from './database.ts'
import { readSqlRow, readSqlRows } from './rows.ts'

/** As in the state of the engine: never changed once released. */
const MIGRATIONS: readonly string[] = [
  `CREATE TABLE task (number INTEGER PRIMARY KEY, body TEXT NOT NULL);
   CREATE TABLE worker (number INTEGER PRIMARY KEY, body TEXT NOT NULL);
   CREATE TABLE batcher (number INTEGER PRIMARY KEY, body TEXT NOT NULL);
   CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
   CREATE TABLE event (sequence INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, task_id TEXT NOT NULL,
     family TEXT NOT NULL, status TEXT NOT NULL, worker TEXT, details TEXT NOT NULL);
   CREATE INDEX event_task ON event (task_id);
   CREATE INDEX event_family ON event (family);`,
]

/** So many events are kept: of 50,000 tasks and more, in some 100 MB. */
const MAX_EVENTS = 200_000
/** How often old events are forgotten, counted in new ones. */
const FORGET_EVERY = 1_000

const KINDS: readonly SchedulerKind[] = ['task', 'worker', 'batcher']

/** Opens (or makes) the state of a Luigi scheduler in a file of its own. */
export function openSchedulerStore(
  path: string,
  options: Pick<DatabaseOptions, 'onWait'> = {},
): SchedulerStore {
  const database = openDatabase(path, { ...options, migrations: MIGRATIONS })
  const { sql } = database
  const statementsOf = (kind: SchedulerKind) => ({
    all: sql.prepare(`SELECT body FROM ${kind} ORDER BY number`),
    put: sql.prepare(`INSERT INTO ${kind} (number, body) VALUES (?, ?)
      ON CONFLICT (number) DO UPDATE SET body = excluded.body`),
    remove: sql.prepare(`DELETE FROM ${kind} WHERE number = ?`),
  })
  const statements = {
    task: statementsOf('task'),
    worker: statementsOf('worker'),
    batcher: statementsOf('batcher'),
  }
  const setting = sql.prepare('SELECT value FROM setting WHERE name = ?')
  const putSetting = sql.prepare('INSERT OR REPLACE INTO setting (name, value) VALUES (?, ?)')
  const append = sql.prepare(
    'INSERT INTO event (at, task_id, family, status, worker, details) VALUES (?, ?, ?, ?, ?, ?)',
  )
  const forget = sql.prepare('DELETE FROM event WHERE sequence <= ?')
  const columns = 'at, task_id AS taskId, family, status, worker, details'
  const events = sql.prepare(`SELECT ${columns} FROM event ORDER BY sequence DESC LIMIT ?`)
  const eventsOfTask = sql.prepare(
    `SELECT ${columns} FROM event WHERE task_id = ? ORDER BY sequence DESC LIMIT ?`,
  )
  const eventsOfFamily = sql.prepare(
    `SELECT ${columns} FROM event WHERE family = ? ORDER BY sequence DESC LIMIT ?`,
  )
  let version: number | undefined
  const noteVersion = () => {
    const known = version
    version = database.foreignVersion()
    return version !== known
  }
  return {
    transaction: (work) => database.transaction(() => work(noteVersion())),
    look(view) {
      database.check()
      database.reading()
      return view(noteVersion())
    },
    readAll: (kind) => readSqlRows<{ body: string }>(statements[kind].all).map(({ body }) => body),
    put(kind, number, body) {
      statements[kind].put.run(number, body)
    },
    remove(kind, number) {
      statements[kind].remove.run(number)
    },
    readSetting: (name) => readSqlRow<{ value: string }>(setting, name)?.value,
    putSetting(name, value) {
      putSetting.run(name, value)
    },
    appendEvent({ at, taskId, family, status, worker, details }) {
      const { lastInsertRowid } = append.run(at, taskId, family, status, worker, details)
      const sequence = Number(lastInsertRowid)
      if (sequence % FORGET_EVERY === 0) forget.run(sequence - MAX_EVENTS)
    },
    readEvents({ taskId, family, limit }) {
      if (taskId !== undefined) return readSqlRows<TaskEvent>(eventsOfTask, taskId, limit)
      if (family !== undefined) return readSqlRows<TaskEvent>(eventsOfFamily, family, limit)
      return readSqlRows<TaskEvent>(events, limit)
    },
    clear() {
      for (const table of [...KINDS, 'setting', 'event']) sql.exec(`DELETE FROM ${table}`)
    },
    close: database.close,
  }
}
