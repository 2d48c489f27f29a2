import type { Stored } from '../../src/core/change.ts'
import type { Clock, Feed, Plans, Ports, Queue, Store } from '../../src/core/ports.ts'
import type { Records } from './records.ts'

/** The adapters of one host, each call of which takes its turn. */
export interface Connection {
  store: Store
  feed: Feed
  queue: Queue
  plans: Plans
  /** What the host decides with at once, in turns of its own; see `Ports.deciding`. */
  deciding?: Ports['deciding']
}

/** One state, with a connection for each host. */
export interface State {
  records: Records
  connect(host: string, clock: Clock): Connection
  /** The host's process has ended, without a word. */
  disconnect(host: string): void
  /** Called after each step. */
  afterStep(): void
  /** The world has ended. */
  close(): void
}

/** A record and its key. */
export interface Entry {
  key: string
  record: Stored
}
