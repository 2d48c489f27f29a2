import type { Change, Stored, WriteResult } from '../../src/core/change.ts'
import type { Clock, Feed, Plans, Queue, Store, WakeSignal } from '../../src/core/ports/deciding.ts'
import type { Context } from '../../src/engine/context.ts'
import type { Records } from './records.ts'

/** The adapters of one host. Each call takes its turn, but what the host decides with at once. */
export interface Connection {
  store: Store
  feed: Feed
  queue: Queue
  plans: Plans
  /** Stores and queues as in `Ports.speculative`. Present: feed, plans and these are called in the very turn that asks. */
  speculative?: NonNullable<Context['speculative']>
  /** Calls when the wake signal comes; returns how to stop. Absent: no signal comes. */
  onWakeSignal?(signal: WakeSignal, wake: () => void): () => void
}

/** What a state tells of each write, when it was applied. */
export type OnWrite = (
  host: string,
  changes: readonly Change[],
  before: readonly (Stored | undefined)[],
  result: WriteResult,
) => void

/** One state, with a connection for each host. */
export interface State {
  records: Records
  /** Whether all hosts are processes of one machine, with one clock. */
  isOneMachine: boolean
  connect(host: string, clock: Clock, onWrite: OnWrite): Connection
  /** Called after each step. */
  afterStep(): void
  /** The world has ended. */
  close(): Promise<void>
}

/** A record and its key. */
export interface Entry {
  key: string
  record: Stored
}
