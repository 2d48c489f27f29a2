import type { Change, Stored } from '../core/change.ts'
import type { Limits } from '../core/limits.ts'
import type { Ports, Store, WriteResult } from '../core/ports.ts'

/** Durations that the loops keep to. */
export interface Settings {
  /** Id of this process as a worker. */
  worker: string
  /** Version of the pipelines' code, where the deployment knows one; kept with each attempt. */
  code?: string
  leaseMs: number
  heartbeatMs: number
  /** How far the clocks of two hosts may be apart; a lease is over only when it is over for everyone. */
  skewMs: number
  /** How often open runs are looked through for what is owed to them. */
  auditMs: number
  limits: Limits
  /** Memory of an attempt whose task says none, and the most that an attempt gets where its pool says none. */
  defaultMemoryMb: number
  largestMemoryMb: number
}

/** Ports and settings: what every loop is called with. */
export interface Context {
  ports: Ports
  settings: Settings
}

/** How far the last end of an attempt may lie before a run's planning and still be looked at: 5 minutes of skew. */
export const PLANNING_SKEW_MS = 5 * 60_000

/** Writes each change on its own, so that one failed condition holds nothing else back. */
export function writeEach(store: Store, changes: Change[]): Promise<WriteResult[]> {
  return Promise.all(changes.map((change) => store.write([change])))
}

/**
 * Writes what `decide` makes of the record, reading again after a lost race.
 * `decide` returns the fields to set, or undefined where nothing is to be written.
 */
export async function update<R extends Stored>(
  store: Store,
  key: string,
  current: R,
  decide: (record: R) => Record<string, unknown> | undefined,
): Promise<void> {
  let record: R | undefined = current
  while (record !== undefined) {
    const set = decide(record)
    if (set === undefined) return
    const result = await store.write([{ key, set, if: { version: record.version } }])
    if (result.ok) return
    record = result.failures[0]?.current as R | undefined
  }
}
