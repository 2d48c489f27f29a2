import {
  applyChange,
  type Change,
  conditionHolds,
  isCarriedByFeed,
  type Stored,
  type WriteResult,
} from '../../core/change.ts'
import { mustHave } from '../../core/must-have.ts'
import { type Feed, type FeedEvent, makeTypedStore, type Store } from '../../core/ports/deciding.ts'

/** Records and their change feed in one process's memory. */
export interface MemoryRecords {
  store: Store
  feed: Feed
  /** Every record by key, for checks of invariants. */
  records: ReadonlyMap<string, Stored>
}

const readDueAt = (record: Stored | undefined) =>
  record !== undefined && 'dueAt' in record ? record.dueAt : undefined

/** Code that changes a record in place fails at once. */
function freezeDeeply<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  for (const each of Object.values(value)) freezeDeeply(each)
  return Object.freeze(value)
}

/** A store with its feed; everything is gone with the process. `onChange` is told of every write. */
export function makeMemoryRecords(onChange: () => void = () => {}): MemoryRecords {
  const records = new Map<string, Stored>()
  /** Keys of records that have a due instant. */
  const due = new Set<string>()
  const events: FeedEvent[] = []
  let sequence = 0

  function write(changes: readonly Change[]): WriteResult {
    const failures = changes.flatMap((change, index) => {
      const current = records.get(change.key)
      return conditionHolds(change, current) ? [] : [{ index, current }]
    })
    if (failures.length > 0) return { ok: false, failures }
    for (const change of changes) apply(change)
    onChange()
    return { ok: true }
  }

  function apply(change: Change): void {
    const before = records.get(change.key)
    const after = freezeDeeply(applyChange(change, before))
    if (after === undefined) records.delete(change.key)
    else records.set(change.key, after)
    if (readDueAt(after) === undefined) due.delete(change.key)
    else due.add(change.key)
    if (after !== undefined && isCarriedByFeed(before, after))
      events.push({ sequence: ++sequence, key: change.key, image: after })
  }

  const entry = (key: string) => ({ key, record: mustHave(records.get(key), key) })

  return {
    records,
    store: makeTypedStore({
      read: async (wanted) => wanted.map((key) => records.get(key)),
      write: async (changes) => write(changes),
      list: async ({ prefix, after = '', limit = Number.POSITIVE_INFINITY }) =>
        [...records.keys()]
          .filter((key) => key.startsWith(prefix) && key > after)
          .sort()
          .slice(0, limit)
          .map(entry),
      due: async ({ before, limit }) =>
        [...due]
          .filter((key) => (readDueAt(records.get(key)) ?? before + 1) <= before)
          .sort()
          .slice(0, limit)
          .map(entry),
    }),
    feed: {
      take: async (limit) => events.slice(0, limit),
      acknowledge: async (done) => {
        const delivered = new Set(done.map((event) => event.sequence))
        const left = events.filter((event) => !delivered.has(event.sequence))
        events.splice(0, events.length, ...left)
      },
    },
  }
}
