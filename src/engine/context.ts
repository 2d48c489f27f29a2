import type { Change, Fields, Stored, WriteResult } from '../core/change.ts'
import type { Key, Prefix, RecordAt } from '../core/keys.ts'
import type { Limits } from '../core/limits.ts'
import type { PlannedTask } from '../core/plan.ts'
import type { Ports, Records, Store } from '../core/ports/deciding.ts'
import type { JobPlace } from '../core/records/launch.ts'

/** Durations that the loops keep to. */
export interface Settings {
  /** Id of this process as a worker. */
  worker: string
  /** Version of the pipelines' code, if the deployment knows one; kept with each attempt. */
  code?: string
  leaseMs: number
  heartbeatMs: number
  /** How far the clocks of two hosts may be apart; a lease is over only when it is over for everyone. */
  skewMs: number
  /** How often open runs are looked through for what is owed to them. */
  auditMs: number
  limits: Limits
  /** How many records one step looks at, at most. @default 500; 50 of those who wait for a limit */
  page?: number
  /** Memory of an attempt whose task says none, and the most that an attempt gets if its pool says none. */
  defaultMemoryMb: number
  largestMemoryMb: number
}

/** One process alone launches a job for so long: longer than a call to a service may take. */
export const LAUNCHER_MS = 30_000

/** How long jobs elsewhere may take. */
export interface LaunchTimeouts {
  /** A job has to be alive so long after its attempt was claimed, or after the instant at which it may be launched. */
  startMs: number
  /** How often a job is looked at of which nothing is told. */
  lookMs: number
}

/** What a process knows of jobs elsewhere. */
export interface Launching extends LaunchTimeouts {
  /** Where the job of a task is launched; undefined if nothing can. Only for a process that claims attempts to launch them. */
  placeOf?(planned: PlannedTask): JobPlace | undefined
}

/** Ports and settings: what every loop is called with. */
export interface Context {
  ports: Ports
  /**
   * Store and queue for deciding alone, if the adapter has a quicker way: what they return may not be committed yet, and what
   * is written on it is committed after that or not at all. Only safe for a loop whose effects are all in this state.
   */
  speculative?: Pick<Ports, 'store' | 'queue'>
  settings: Settings
  /** This process claims attempts to launch them elsewhere, or looks at those; absent: it knows no service that runs jobs. */
  launching?: Launching
  /** Called when the service throttles a launch, refuses it, or a job never comes to life. */
  onLaunchTrouble?(): void
}

/** Writes each change on its own, so that one failed condition holds nothing else back. */
export async function writeChangesSingly(store: Store, changes: readonly Change[]): Promise<WriteResult[]> {
  if (changes.length === 0) return []
  return store.writeEach?.(changes) ?? Promise.all(changes.map((change) => store.write([change])))
}

/** Records that may be a moment old, for who writes on condition of their versions. What is not found is asked for again. */
export async function readStaleRecords<const K extends readonly Key[]>(
  store: Store,
  wanted: K,
): Promise<Records<K>> {
  if (store.readStale === undefined) return store.read(wanted)
  const found: (Stored | undefined)[] = await store.readStale(wanted)
  const missing = wanted.filter((_, index) => found[index] === undefined)
  const again: (Stored | undefined)[] = missing.length === 0 ? [] : await store.read(missing)
  // In the order of the keys, like what was found.
  return found.map((record) => record ?? again.shift()) as Records<K>
}

type RecordOf<P extends Prefix> = Stored<RecordAt<Key<P>>>

/** A record as it was read, and the fields that are to be set on it; undefined if nothing is. */
export interface Update<P extends Prefix> {
  key: Key<P>
  record: RecordOf<P>
  decide(record: RecordOf<P>): Fields<RecordAt<Key<P>>> | undefined
}

/** Writes what each `decide` makes of its record, reading again after a lost race. */
export async function updateRecords<P extends Prefix>(store: Store, updates: Update<P>[]): Promise<void> {
  for (let left = updates; left.length > 0; ) {
    const decided = left.flatMap((each) => {
      const { key, record, decide } = each
      const set = decide(record)
      // What `decide` returns are fields of the record under this key.
      const change = { key, set, if: { version: record.version } } as unknown as Change
      return set === undefined ? [] : [{ each, change }]
    })
    const results = await writeChangesSingly(
      store,
      decided.map(({ change }) => change),
    )
    left = decided.flatMap(({ each }, index) => {
      const result = results[index]
      const current = result?.ok === false ? result.failures[0]?.current : undefined
      return current === undefined ? [] : [{ ...each, record: current as RecordOf<P> }]
    })
  }
}

/** The same for one record. */
export const updateRecord = <P extends Prefix>(
  store: Store,
  key: Key<P>,
  record: RecordOf<P>,
  decide: Update<P>['decide'],
): Promise<void> => updateRecords(store, [{ key, record, decide }])
