import type { StoredRecord, TaskStatus } from './model.ts'

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
  const fields = (current ?? {}) as Record<string, unknown>
  for (const name in change.if) if (fields[name] !== change.if[name]) return false
  return true
}

/** The record after the change; undefined when it is removed. */
export function applyChange(change: Change, current: Stored | undefined): Stored | undefined {
  if ('remove' in change) return undefined
  const version = (current?.version ?? 0) + 1
  if ('put' in change) return { ...change.put, version }
  return withFields(current, change.set, version) as unknown as Stored
}

/** Builds the record anew: fields that are deleted from an object make all that follows slower. */
function withFields(current: object | undefined, set: Record<string, unknown>, version: number) {
  const next: Record<string, unknown> = {}
  const before = (current ?? {}) as Record<string, unknown>
  for (const name in before) if (!(name in set)) next[name] = before[name]
  for (const name in set) if (set[name] !== undefined) next[name] = set[name]
  next.version = version
  return next
}

/**
 * Whether the change feed carries this change: everything but inserts of what does not move yet, removals, heartbeats,
 * notes and claims. A record is told again when its status, attempt or one of its signals changed.
 */
export function isFeedworthy(before: Stored | undefined, after: Stored | undefined): boolean {
  if (after === undefined || isClaimed(after)) return false
  if (before === undefined) return after.kind === 'taskRun' && MOVING_AT_ONCE.includes(after.status)
  const old = before as unknown as Record<string, unknown>
  const now = after as unknown as Record<string, unknown>
  return feedFields(after).some((name) => old[name] !== now[name])
}

/** A task run that nothing holds back is put as what it becomes: one of these. */
export const MOVING_AT_ONCE: readonly string[] = ['queued', 'succeeded', 'failed'] satisfies TaskStatus[]

/** Nothing is owed to a body that runs, nor to whoever waits for its lock. */
function isClaimed(record: StoredRecord): boolean {
  if (record.kind === 'taskRun') return record.status === 'running'
  return record.kind === 'lock' && (record.holder !== undefined || !record.waiting)
}

function feedFields(record: StoredRecord): readonly string[] {
  switch (record.kind) {
    case 'taskRun':
      return ['status', 'attempt', 'dueAt']
    case 'run':
      return ['status', 'released', 'cancelledAt', 'swept']
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
    case 'maker':
    case 'execution':
    case 'showing':
    case 'launches':
    case 'code':
      return []
  }
}
