import type { Change } from '../../src/core/change.ts'
import type { StoredRecord } from '../../src/core/records/stored-record.ts'

/** A change whatever its key: for those who look at every write, or spoil it. */
export type UntypedChange = { key: string; if?: 'absent' | Record<string, unknown> } & (
  | { put: StoredRecord }
  | { set: Record<string, unknown> }
  | { remove: true }
)

/** The same changes, as any field of any record. */
export const untyped = (changes: readonly Change[]): UntypedChange[] => changes as unknown as UntypedChange[]

/** Changes that may break every rule of types, as those of planted faults do. */
export const retyped = (changes: readonly UntypedChange[]): Change[] => changes as unknown as Change[]
