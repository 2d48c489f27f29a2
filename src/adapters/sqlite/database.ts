import { existsSync, mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { readErrorCode, readErrorMessage, SluiceError } from '../../core/errors.ts'
import { isDatabaseBusy, makePatience, type Patience, readSqliteCode } from './patience.ts'
import { makeSameFileCheck } from './same-file.ts'
import {
  callAfterReactions,
  SpeculativeTransaction,
  type TransactionSteps,
} from './speculative-transaction.ts'

/**
 * The migrations that lead from an empty file to the newest state, one entry a version.
 * Entries are never changed once released.
 */
const MIGRATIONS: readonly string[] = [
  `CREATE TABLE record (key TEXT PRIMARY KEY, body TEXT NOT NULL, due_at INTEGER) WITHOUT ROWID;
   CREATE INDEX record_due ON record (due_at) WHERE due_at IS NOT NULL;
   CREATE TABLE feed (sequence INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL);
   CREATE TABLE message (id INTEGER PRIMARY KEY AUTOINCREMENT, run TEXT NOT NULL, number INTEGER NOT NULL,
     attempt INTEGER NOT NULL, visible_at INTEGER NOT NULL, delivery INTEGER NOT NULL DEFAULT 0);
   CREATE INDEX message_run ON message (run, visible_at);
   CREATE TABLE plan (run TEXT PRIMARY KEY, header TEXT NOT NULL) WITHOUT ROWID;
   CREATE TABLE plan_slice (run TEXT, slice INTEGER, tasks TEXT NOT NULL, PRIMARY KEY (run, slice)) WITHOUT ROWID;
   CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;`,
  // Pools, priorities and turns. Task runs of open runs name no pool yet, so they are in the default one.
  `ALTER TABLE message ADD COLUMN pool TEXT NOT NULL DEFAULT 'default';
   ALTER TABLE message ADD COLUMN priority INTEGER NOT NULL DEFAULT 0;
   DROP INDEX message_run;
   CREATE INDEX message_turn ON message (pool, run, priority DESC, id);
   CREATE INDEX message_run ON message (run);
   CREATE TABLE turn (pool TEXT, name TEXT, at INTEGER NOT NULL, PRIMARY KEY (pool, name)) WITHOUT ROWID;
   CREATE TABLE wish (worker TEXT, pool TEXT, run TEXT, until INTEGER NOT NULL,
     PRIMARY KEY (worker, pool, run)) WITHOUT ROWID;
   UPDATE record SET body = json_set(body, '$.pool', 'default', '$.priority', 0)
     WHERE key GLOB 'task/*' AND json_extract(body, '$.pool') IS NULL;`,
  // Bodies in the order in which they came: locks have keys in no order, and each took a page of its own at every write.
  `CREATE TABLE record_by_age (key TEXT PRIMARY KEY, body TEXT NOT NULL, due_at INTEGER);
   INSERT INTO record_by_age SELECT key, body, due_at FROM record ORDER BY key;
   DROP TABLE record;
   ALTER TABLE record_by_age RENAME TO record;
   CREATE INDEX record_due ON record (due_at) WHERE due_at IS NOT NULL;
   DROP INDEX message_run;`,
  // Planning writes a maker for each output, a page of near keys at a time: with its key in one place instead of two.
  `CREATE TABLE maker (key TEXT PRIMARY KEY, body TEXT NOT NULL, due_at INTEGER) WITHOUT ROWID;
   INSERT INTO maker SELECT key, body, NULL FROM record WHERE key >= 'maker/' AND key < 'maker0' ORDER BY key;
   DELETE FROM record WHERE key >= 'maker/' AND key < 'maker0';`,
]

/** How long SQLite itself waits for another process, which holds up everything else in this one. */
const BUSY_MS = 1_000

/** Whom a state tells that it waits. */
export interface DatabaseOptions {
  /** Called if another process has had the state locked for so many seconds, once for each wait. */
  onWait?: (seconds: number) => void
  migrations?: readonly string[]
}

/** An open state with what its adapters share. */
export interface Database {
  sql: DatabaseSync
  path: string
  /** Runs the function in one write transaction; all or nothing. */
  transaction<T>(work: () => T): T
  /**
   * Runs the function in the speculative transaction, with all others of this turn of the event loop, in order, and with
   * what this process does at once in reaction. If one of them or the disk throws, none is written and all reject.
   */
  commit<T>(work: () => T): Promise<T>
  /**
   * The same, but its result is told before it is committed: for a caller whose effects are all in this state, so that
   * they are committed after this or not at all. If the commit fails, everything that is asked for later rejects.
   */
  apply<T>(work: () => T): Promise<T>
  /** Resolves when all that can be seen has been committed (or rolled back); undefined if it has been. */
  settled(): Promise<void> | undefined
  /** Called at the end of each transaction, to write what is left to be written in it. */
  beforeCommit(write: () => void): void
  /**
   * Opens a read transaction for all that is read before the next turn of the event loop, or the next transaction: SQLite
   * takes as long to begin and end one for each read as to read.
   */
  reading(): void
  /** A number that changes whenever another process has committed; asked anew once a turn of the event loop. */
  foreignVersion(): number
  /** Told when a transaction was rolled back: what was remembered of it is wrong. */
  onRollback(forget: () => void): void
  /** Runs what may be in no transaction, when none is open; waits for other processes. */
  alone(work: () => void): void
  /** Throws if the file of the state has been deleted or replaced; looks at most once a second. */
  check(): void
  /** From now on nothing is written here: who tries is given the error. */
  freeze(makeError: () => Error): void
  /** Commits what is still to be committed, then closes the file. */
  close(): void
}

/**
 * Opens the state file, creating or migrating it. An older state is backed up beside itself first,
 * a newer one is refused.
 */
export function openDatabase(
  path: string,
  { migrations = MIGRATIONS, onWait = () => {} }: DatabaseOptions = {},
): Database {
  return runExplained(path, () => {
    mkdirSync(dirname(path), { recursive: true })
    const isNew = !existsSync(path)
    const sql = new DatabaseSync(path, { timeout: BUSY_MS })
    // NORMAL survives the death of any process; a power failure may cost the last transactions, never consistency.
    const waiting = makePatience(onWait)
    // Only before the first table: what is forgotten can be given back a few pages at a time.
    if (isNew) sql.exec('PRAGMA auto_vacuum = INCREMENTAL')
    // Several processes may make a state at once, and SQLite does not wait by itself while one changes the journal.
    waiting.insist(() => sql.exec('PRAGMA journal_mode = WAL'))
    sql.exec('PRAGMA synchronous = NORMAL; PRAGMA cache_size = -16384; PRAGMA wal_autocheckpoint = 8000')
    const database = toDatabase(sql, path, waiting)
    migrate(database, migrations, isNew)
    return database
  })
}

function toDatabase(sql: DatabaseSync, path: string, waiting: Patience): Database {
  const check = makeSameFileCheck(path)
  const version = sql.prepare('PRAGMA data_version')
  const forgetters: (() => void)[] = []
  const writers: (() => void)[] = []
  let known: number | undefined
  const forgetVersion = () => {
    known = undefined
  }
  const foreignVersion = () => {
    if (known === undefined) setImmediate(forgetVersion)
    known ??= Number(version.get()?.data_version)
    return known
  }
  const begin = sql.prepare('BEGIN IMMEDIATE')
  const end = sql.prepare('COMMIT')
  const beginRead = sql.prepare('BEGIN')
  let isReading = false
  let makeFrozenError: (() => Error) | undefined
  const endReading = () => {
    if (!isReading) return
    isReading = false
    end.run()
  }
  const steps: TransactionSteps = {
    begin() {
      endReading()
      check()
      if (makeFrozenError !== undefined) throw makeFrozenError()
      begin.run()
      waiting.over()
      // What others committed before this transaction began counts.
      forgetVersion()
    },
    commit() {
      for (const write of writers) write()
      end.run()
    },
    rollback() {
      if (sql.isTransaction) sql.exec('ROLLBACK')
      for (const forget of forgetters) forget()
    },
    mayTryAgain: waiting.mayTryAgain,
    insist: waiting.insist,
    explain: (error) => explainSqliteError(path, error),
  }
  const speculative = new SpeculativeTransaction(steps)
  return {
    sql,
    path,
    transaction(work) {
      speculative.settle()
      return inTransaction(steps, work)
    },
    commit: (work) => speculative.commit(work),
    apply: (work) => speculative.apply(work),
    settled: () => speculative.settled(),
    beforeCommit: (write) => writers.push(write),
    reading() {
      if (sql.isTransaction) return
      isReading = true
      beginRead.run()
      callAfterReactions(endReading)
    },
    foreignVersion,
    onRollback: (forget) => forgetters.push(forget),
    alone(work) {
      speculative.settle()
      endReading()
      waiting.insist(work)
    },
    check,
    freeze(makeError) {
      makeFrozenError = makeError
      sql.exec('PRAGMA query_only = ON')
    },
    close() {
      speculative.flush()
      endReading()
      sql.close()
    },
  }
}

function inTransaction<T>(steps: TransactionSteps, work: () => T): T {
  try {
    steps.insist(steps.begin)
    const result = work()
    steps.commit()
    return result
  } catch (error) {
    steps.rollback()
    throw steps.explain(error)
  }
}

const readSchemaVersion = (sql: DatabaseSync) =>
  Number(sql.prepare('PRAGMA user_version').get()?.user_version)

function migrate({ sql, path, transaction }: Database, migrations: readonly string[], isNew: boolean): void {
  const version = readSchemaVersion(sql)
  if (version > migrations.length)
    throw new SluiceError(
      'state_newer',
      `The state ${path} is of version ${version}; this Sluice knows versions up to ${migrations.length}.`,
      { hint: 'Use the newer Sluice that made it, or another folder with --state.' },
    )
  if (version === migrations.length) return
  if (!isNew && version > 0) sql.prepare('VACUUM INTO ?').run(`${path}.v${version}-${Date.now()}.backup`)
  transaction(() => {
    // Another process may have migrated while this one waited.
    for (const step of migrations.slice(readSchemaVersion(sql))) sql.exec(step)
    sql.exec(`PRAGMA user_version = ${migrations.length}`)
  })
}

/** Turns what SQLite and the file system say into errors for the person who reads them. */
function runExplained<T>(path: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw explainSqliteError(path, error)
  }
}

// Primary result codes: https://www.sqlite.org/rescode.html
const SQLITE_FULL = 13
const SQLITE_NOTADB = 26
const SQLITE_CORRUPT = 11

function explainSqliteError(path: string, error: unknown): unknown {
  if (error instanceof SluiceError || !(error instanceof Error)) return error
  const code = readSqliteCode(error)
  const systemCode = readErrorCode(error)
  const options = { cause: error }
  if (code === SQLITE_FULL || systemCode === 'ENOSPC')
    return new SluiceError('disk_full', `The disk that holds the state ${path} is full.`, {
      ...options,
      hint: 'Make room, then give the same command again: it goes on where it was.',
    })
  if (isDatabaseBusy(error))
    return new SluiceError(
      'state_unusable',
      `The state ${path} has been locked by another program for ten minutes.`,
      {
        ...options,
        hint: 'Close or end what holds it: a sluice that was stopped (Ctrl-Z), a database browser, a backup.',
      },
    )
  if (code === SQLITE_NOTADB || code === SQLITE_CORRUPT)
    return new SluiceError(
      'state_unusable',
      `${path} is not a Sluice state, or is damaged: ${error.message}.`,
      {
        ...options,
        hint: 'Restore it from a backup, or name another folder with --state.',
      },
    )
  if (code === 0 && systemCode === undefined) return error
  return new SluiceError('state_unusable', `The state ${path} cannot be used: ${readErrorMessage(error)}.`, {
    ...options,
    hint: 'The folder must exist on a writable file system, or name another one with --state.',
  })
}
