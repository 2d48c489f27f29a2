import type { StoredRecord } from './model.ts'

/** A record as the store returns it: `version` counts its writes. */
export type Stored<R extends StoredRecord = StoredRecord> = R & { version: number }

/** Fields that must be equal (by JSON), `undefined` meaning absent; also true for a record that is not there. */
export type Match = Record<string, unknown>

/**
 * One change of one record, with its condition.
 * `put` writes a whole record, `set` changes fields and creates the record where there is none
 * (an `undefined` removes the field), `remove` deletes.
 */
export type Change = { key: string; if?: 'absent' | Match } & (
  | { put: StoredRecord }
  | { set: Record<string, unknown> }
  | { remove: true }
)

/** Whether the condition of a change holds for the record that stands. */
export function conditionHolds(change: Change, current: Stored | undefined): boolean {
  if (change.if === undefined) return true
  if (change.if === 'absent') return current === undefined
  const fields: Record<string, unknown> = current === undefined ? {} : { ...current }
  return Object.entries(change.if).every(([name, wanted]) => fields[name] === wanted)
}

/** The record after the change; undefined when it is removed. */
export function applyChange(change: Change, current: Stored | undefined): Stored | undefined {
  if ('remove' in change) return undefined
  const version = (current?.version ?? 0) + 1
  if ('put' in change) return { ...change.put, version }
  const next: Record<string, unknown> = { ...current, ...change.set, version }
  for (const name of Object.keys(change.set)) if (next[name] === undefined) delete next[name]
  return next as unknown as Stored
}

/**
 * Whether the change feed carries this change: everything but inserts, removals, heartbeats and notes.
 * A record is told again when its status, attempt or one of its signals changed.
 */
export function isFeedworthy(before: Stored | undefined, after: Stored | undefined): boolean {
  if (before === undefined || after === undefined) return false
  const old: Record<string, unknown> = { ...before }
  const now: Record<string, unknown> = { ...after }
  return feedFields(after).some((name) => old[name] !== now[name])
}

function feedFields(record: StoredRecord): readonly string[] {
  switch (record.kind) {
    case 'taskRun':
      return ['status', 'attempt', 'dueAt']
    case 'run':
      return ['status', 'released', 'cancelledAt']
    case 'lock':
      return ['holder']
    case 'limit':
      return ['freed']
    case 'request':
    case 'checkpoint':
    case 'schedule':
    case 'wait':
    case 'attempt':
    case 'marker':
      return []
  }
}
