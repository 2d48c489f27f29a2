import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { SluiceError } from '../../core/errors.ts'
import type { Database } from './database.ts'
import { makeStateFolder } from './state-folder.ts'

/** The instant of the virtual clock up to which a state was simulated; without a row the state is of real runs. */
const READ = "SELECT value FROM setting WHERE name = 'simulatedUntil'"

/**
 * Makes room for the state of a simulation, and returns its path. The state of an earlier simulation is removed, so that a test may run
 * again; a state of real runs is refused.
 */
export function prepareSimulatedState(folder: string): string {
  const path = join(folder, 'state.db')
  if (existsSync(path)) {
    if (!isSimulated(path))
      throw new SluiceError(
        'invalid_usage',
        `The folder ${folder} has the state of real runs, with which a simulation is not mixed.`,
        { hint: 'Name another folder in `state`, such as .simulated.' },
      )
    for (const end of ['', '-wal', '-shm']) rmSync(`${path}${end}`, { force: true })
  }
  makeStateFolder(folder)
  return path
}

/** Looks without opening the state as its own: an older one would be migrated. */
function isSimulated(path: string): boolean {
  try {
    const sql = new DatabaseSync(path, { readOnly: true })
    try {
      return sql.prepare(READ).get() !== undefined
    } finally {
      sql.close()
    }
  } catch {
    // No state, or none that can be read: it is not ours to remove.
    return false
  }
}

/** Keeps that the state is of a simulation, and up to which instant of its clock. */
export function markSimulated({ sql, transaction }: Database, until: number): void {
  const write = sql.prepare("INSERT OR REPLACE INTO setting (name, value) VALUES ('simulatedUntil', ?)")
  transaction(() => write.run(String(until)))
}

/** Up to which instant a state was simulated; undefined if it is of real runs. A simulated state is frozen: nothing goes on in it. */
export function freezeIfSimulated(database: Database): number | undefined {
  const row = database.sql.prepare(READ).get()
  if (row === undefined) return undefined
  database.freeze(
    () =>
      new SluiceError(
        'read_only',
        `The state ${database.path} was simulated: it can be looked at, and nothing runs or changes in it.`,
        { hint: 'Name the state of your runs with --state FOLDER, or leave --state out.' },
      ),
  )
  return Number(row.value)
}
