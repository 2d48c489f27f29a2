import type { Key, Prefix, RecordAt } from './keys.ts'
import type { TaskStatus } from './records/status.ts'
import type { StoredRecord } from './records/stored-record.ts'

/** A record as the store returns it: `version` counts its writes. */
export type Stored<R extends StoredRecord = StoredRecord> = R & { version: number }

/** Fields that must be equal (by JSON), `undefined` meaning absent; also true for a record that is not there. */
export type Match<R extends StoredRecord> = { [F in keyof Stored<R>]?: Stored<R>[F] | undefined }

/** Fields of a record with their new values; `undefined` removes a field. */
export type Fields<R extends StoredRecord> = { [F in keyof R]?: R[F] }

/**
 * One change of one record, with its condition.
 * `put` writes a whole record, `set` changes fields and creates the record if there is none
 * (an `undefined` removes the field), `remove` deletes. The key says which record it is, so only its fields are accepted.
 */
export type Change<P extends Prefix = Prefix> = Removal | ChangeOf<P>

type ChangeOf<P extends Prefix> = P extends Prefix
  ? { key: Key<P>; if?: 'absent' | Match<RecordAt<Key<P>>> } & (
      | { put: RecordAt<Key<P>> }
      | { set: Fields<RecordAt<Key<P>>> }
      | { remove: true }
    )
  : never

/** The same if the kind of record does not matter: it goes, of any kind. */
interface Removal {
  key: Key
  if?: undefined
  remove: true
}

/** Whether the condition of a change holds for the record that stands. */
export function conditionHolds(change: Change, current: Stored | undefined): boolean {
  if (change.if === undefined) return true
  if (change.if === 'absent') return current === undefined
  const fields = fieldsOf(current ?? {})
  const wanted = fieldsOf(change.if)
  for (const name in wanted) if (fields[name] !== wanted[name]) return false
  return true
}

/** The record that stands where the first change of a write failed, if it is one of this kind. */
export function findStandingRecord<K extends StoredRecord['kind']>(
  result: WriteResult,
  kind: K,
): Stored<Extract<StoredRecord, { kind: K }>> | undefined {
  const record = result.ok ? undefined : result.failures[0]?.current
  return record !== undefined && isOfKind(record, kind) ? record : undefined
}

const isOfKind = <K extends StoredRecord['kind']>(
  record: Stored,
  kind: K,
): record is Stored<Extract<StoredRecord, { kind: K }>> => record.kind === kind

/** Whether and why the changes of one write were made; nothing was written if a condition failed. */
export type WriteResult =
  | { ok: true }
  | { ok: false; failures: { index: number; current: Stored | undefined }[] }

/** A record by the names of its fields, whatever its kind. */
const fieldsOf = (record: object) => record as Record<string, unknown>

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
  const before = fieldsOf(current ?? {})
  for (const name in before) if (!(name in set)) next[name] = before[name]
  for (const name in set) if (set[name] !== undefined) next[name] = set[name]
  next.version = version
  return next
}

/**
 * Whether the change feed carries this change: everything but inserts of what does not move yet, removals, heartbeats,
 * notes and claims. A record is told again when its status, attempt or one of its signals changed.
 */
export function isCarriedByFeed(before: Stored | undefined, after: Stored | undefined): boolean {
  if (after === undefined || isClaimed(after)) return false
  if (before === undefined) return after.kind === 'taskRun' && MOVING_AT_ONCE.includes(after.status)
  const old = fieldsOf(before)
  const now = fieldsOf(after)
  return feedFields(after).some((name) => old[name] !== now[name])
}

/** A task run that nothing holds back is put as what it becomes: one of these. */
export const MOVING_AT_ONCE: readonly string[] = ['queued', 'succeeded', 'failed'] satisfies TaskStatus[]

/** Nothing is owed to a body that runs, nor to the waiters for its lock. */
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
    case 'governor':
      return []
  }
}
