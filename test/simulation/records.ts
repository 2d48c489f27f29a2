import type { Stored } from '../../src/core/change.ts'
import type { Run } from '../../src/core/records/run.ts'
import { hasTaskEnded } from '../../src/core/records/status.ts'
import type { StoredRecord } from '../../src/core/records/stored-record.ts'

/** All records of a world as they stand, by key. */
export type Records = ReadonlyMap<string, Stored>

/** The runs as they stand. */
export const runsIn = (records: Records): Run[] =>
  [...records.values()].filter((record) => record.kind === 'run') as Run[]

/** A run that ended while it was planned leaves its task runs as they were put. */
export const wasPlanned = (run: Run): boolean => run.released !== undefined

/** What a write did wrong: a bit that was unset, an end that changed. */
export function changeProblems(key: string, before: StoredRecord, after: StoredRecord): string[] {
  const problems: string[] = []
  if (before.kind === 'taskRun' && after.kind === 'taskRun') {
    if (hasTaskEnded(before.status) && after.status !== before.status)
      problems.push(`${key} went from ${before.status} to ${after.status}`)
    if (hasLostBit(before.ended, after.ended) || hasLostBit(before.failed, after.failed))
      problems.push(`${key} lost a bit`)
  }
  const isRun = before.kind === 'run' && after.kind === 'run'
  if (isRun && before.endedAt !== undefined && before.status !== after.status)
    problems.push(`${key} went from ${before.status} to ${after.status}`)
  return problems
}

/** What is left behind when everything has come to rest. */
export function restProblems(records: Records): string[] {
  const planned = new Set(
    runsIn(records)
      .filter(wasPlanned)
      .map((run) => run.id),
  )
  return [...records].flatMap(([key, record]) => {
    const problems = holdersOf(record).map((holder) => `${key} is still held by ${holder}`)
    if (record.kind === 'wait') problems.push(`${key} is still there`)
    if (record.kind === 'run' && (record.status === 'running' || record.status === 'planning'))
      problems.push(`${key} never ended`)
    if (record.kind === 'taskRun' && planned.has(record.run) && !hasTaskEnded(record.status))
      problems.push(`${key} is still ${record.status}`)
    return problems
  })
}

/** What keeps records from their rest. */
export function restlessIn(records: Records): string[] {
  return [...records].flatMap(([key, record]) => {
    const isOpen =
      (record.kind === 'taskRun' && !hasTaskEnded(record.status)) ||
      (record.kind === 'run' && record.endedAt === undefined) ||
      record.kind === 'wait' ||
      (record.kind === 'limit' && Object.keys(record.holders).length > 0)
    return isOpen ? [`${key} ${JSON.stringify(record)}`] : []
  })
}

/** Whether something is still held, waited for or running. */
export function isAnythingHeld(records: Records): boolean {
  for (const record of records.values())
    if (
      (record.kind === 'lock' && record.holder !== undefined) ||
      (record.kind === 'limit' && Object.keys(record.holders).length > 0) ||
      record.kind === 'wait' ||
      (record.kind === 'taskRun' && record.status === 'running')
    )
      return true
  return false
}

function holdersOf(record: StoredRecord): string[] {
  if (record.kind === 'lock') return record.holder === undefined ? [] : [record.holder]
  return record.kind === 'limit' ? Object.keys(record.holders) : []
}

function hasLostBit(before: string, after: string): boolean {
  if (before === after) return false
  const [old, young] = [Buffer.from(before, 'base64'), Buffer.from(after, 'base64')]
  return old.some((byte, index) => (byte & ~(young[index] ?? 0)) !== 0)
}
