import type { Stored } from '../../core/change.ts'
import type { Database } from './database.ts'

/** Records that are kept parsed; more than a run touches between planning a task and ending it. */
const KEPT = 20_000

const MAKERS = 'maker/'

/**
 * From how many keys on a read goes past the cache. Planning asks for as many once, which would push out all that the tasks
 * are about to use, and keeping a record takes three times as long as finding that there is none.
 */
const MANY = 1_000

/** Records as this process last saw them; records are never changed in place, so they can be shared. */
export interface RecordCache {
  /** Forgets everything if another process has committed; to be called before what has to be consistent. */
  refresh(): void
  read(key: string): Stored | undefined
  readAll(keys: readonly string[]): (Stored | undefined)[]
  keep(key: string, record: Stored | undefined): void
}

/** A cache of records that no other process has changed meanwhile, most recently used ones first to stay. */
export function makeRecordCache(database: Database, load: (key: string) => Stored | undefined): RecordCache {
  // Two generations instead of a list of uses: what is found in the old one moves to the new one.
  let young = new Map<string, Stored | undefined>()
  let old = new Map<string, Stored | undefined>()
  let version = database.foreignVersion()

  function forget(): void {
    young = new Map()
    old = new Map()
  }
  database.onRollback(forget)

  /** Planning notes the makers of a whole plan once, which would push out all that the tasks are about to use. */
  const isKept = (key: string) => !key.startsWith(MAKERS)

  function keep(key: string, record: Stored | undefined): void {
    if (!isKept(key)) return
    if (young.size >= KEPT / 2) {
      old = young
      young = new Map()
    }
    young.set(key, record)
  }

  function read(key: string): Stored | undefined {
    if (!isKept(key)) return load(key)
    if (young.has(key)) return young.get(key)
    const record = old.has(key) ? old.get(key) : load(key)
    keep(key, record)
    return record
  }

  return {
    refresh() {
      const now = database.foreignVersion()
      if (now !== version) forget()
      version = now
    },
    read,
    readAll: (keys) => keys.map(keys.length >= MANY ? load : read),
    keep,
  }
}
