import type { Change, Stored, WriteResult } from '../change.ts'
import type { Key, KeyLike, RecordAt } from '../keys.ts'
import type { Plan, PlanHeader, PlannedTask } from '../plan.ts'
import type { Runner } from './working.ts'

/* Ports of deciding: what a home gives to the loops that plan, release, resolve and tick. */

/** A record for each key, in the order of the keys. */
export type Records<K extends readonly Key[]> = {
  -readonly [I in keyof K]: Stored<RecordAt<K[I]>> | undefined
}

/** A record with its key. */
export interface ListedRecord<K extends Key = Key> {
  key: KeyLike<K>
  record: Stored<RecordAt<K>>
}

/** Which records are listed. */
export interface ListQuery<K extends Key = Key> {
  prefix: K
  /** Only keys that come after this one. */
  after?: string
  limit?: number
  consistency: 'strong' | 'stale'
}

/** Records that can be due. */
type DuePrefix = 'task' | 'run' | 'limit'

/** Records with conditional writes; every rule of the engine lives on these promises. */
export interface Store {
  /** The records that stand now, in the order of the keys; consistent. */
  read<const K extends readonly Key[]>(keys: K): Promise<Records<K>>
  /** The same as they stood a moment ago, if the adapter has that cheaper: recent writes may be missing, also of a new record. */
  readStale?<const K extends readonly Key[]>(keys: K): Promise<Records<K>>
  /** All changes (at most 100, each key once) or none; durable when it returns. */
  write(changes: readonly Change[]): Promise<WriteResult>
  /** Writes each change on its own, if the adapter has a quicker way for many than a call for each. */
  writeEach?(changes: readonly Change[]): Promise<WriteResult[]>
  /** Records whose keys begin with the prefix, ordered by key. `stale` may miss recent writes, `strong` may not. */
  list<K extends Key>(query: ListQuery<K>): Promise<ListedRecord<K>[]>
  /** Records with `dueAt` at or before the instant; may be stale. */
  due(query: { before: number; limit: number }): Promise<ListedRecord<Key<DuePrefix>>[]>
}

/**
 * A store as an adapter implements it: bytes under strings, which know nothing of kinds. What it returns for a key is
 * what was written under it, so {@link makeTypedStore} may say which record that is.
 */
export interface UntypedStore {
  read(keys: readonly string[]): Promise<(Stored | undefined)[]>
  readStale?(keys: readonly string[]): Promise<(Stored | undefined)[]>
  write: Store['write']
  writeEach?: Store['writeEach'] & {}
  list(query: ListQuery): Promise<{ key: string; record: Stored }[]>
  due(query: { before: number; limit: number }): Promise<{ key: string; record: Stored }[]>
}

/** The store of an adapter, typed by its keys. */
export const makeTypedStore = (store: UntypedStore): Store => store as unknown as Store

/** Numbered plans, immutable. */
export interface Plans {
  /** Keeps the plan of a run unless one is there, and returns true; if it may not be the one that stands, false. */
  save(run: string, plan: Plan): Promise<boolean>
  header(run: string): Promise<PlanHeader | undefined>
  /** Planned tasks in the order of the numbers; unknown numbers are an error. */
  tasks(run: string, numbers: number[]): Promise<PlannedTask[]>
  /** Adds tasks from number `base` on, a multiple of {@link PLAN_SLICE}; doing it again changes nothing. */
  extend(run: string, base: number, tasks: PlannedTask[]): Promise<void>
  /** Forgets the plan of a run, and its extensions. */
  remove(run: string): Promise<void>
}

/** Plans grow by whole slices of so many numbers. */
export const PLAN_SLICE = 100

/** Every feedworthy change at least once; the first delivery in order per record. */
export interface Feed {
  /** The next events, oldest first; empty when there are none or another process follows the feed. */
  take(limit: number): Promise<FeedEvent[]>
  /** Forgets delivered events; what is not acknowledged is delivered again. */
  acknowledge(events: FeedEvent[]): Promise<void>
}

/** A record that changed. */
export interface FeedEvent {
  sequence: number
  key: Key
  /** The record as it was after the change, if the feed carries it: it may have changed again since. */
  image?: Stored
}

/** A reference to an attempt that may start. */
export interface Message {
  run: string
  number: number
  attempt: number
}

/** A message as it was taken, invisible to others until its visibility ends. */
export interface Delivery {
  message: Message
  receipt: string
}

/** A message on its way into the queue of a pool. */
export interface OutgoingMessage {
  message: Message
  /** Up to {@link MAX_DELAY_MS}. */
  delayMs: number
  pool: string
  /** Higher goes first. */
  priority: number
  /** Family of its task, if the adapter needs it to tell who can run it. */
  family?: string
}

/** Which messages a worker can use. */
export interface MessageQuery {
  /** Pools that it serves, with how many more attempts each has room for. */
  pools: { [name: string]: number }
  limit: number
  visibilityMs: number
  /** Keeps to these runs if the adapter can (the embedded one). */
  runs?: readonly string[]
  /** Leaves out what this worker cannot run, if the adapter can: these numbers of a run, or all of it. */
  unfit?: ReadonlyMap<string, ReadonlySet<number> | 'all'>
}

/**
 * At-least-once messages. Those of a higher priority go first; among equals the pipelines of a pool take turns, and
 * within a pipeline its runs.
 */
export interface Queue {
  send(messages: OutgoingMessage[]): Promise<void>
  take(query: MessageQuery): Promise<Delivery[]>
  acknowledge(deliveries: Delivery[]): Promise<void>
  /** Makes a message visible again after the delay. */
  putBack(delivery: Delivery, delayMs: number): Promise<void>
  /** Forgets the messages of a run. */
  remove(run: string): Promise<void>
}

/** The longest delay of a message: 15 minutes (SQS `DelaySeconds`). */
export const MAX_DELAY_MS = 15 * 60_000

/** Whether targets exist; asks user code, so it is not part of deciding. */
export interface Completeness {
  /** One answer per task, markers included. */
  areComplete(tasks: CheckableTask[]): Promise<boolean[]>
}

/** What has to be known of a task to look at its targets. */
export type CheckableTask = Pick<
  PlannedTask,
  'id' | 'family' | 'params' | 'outputs' | 'command' | 'container' | 'policy'
>

/** Time, so that it can be virtual. Both readings are in milliseconds. */
export interface Clock {
  /** The wall clock: for people, calendars and windows. */
  now(): number
  /**
   * The clock of leases and delays, near to `now`. On one machine it never jumps and is the same for all processes on a
   * state; elsewhere it is the wall clock, whose skew the settings allow for.
   */
  steady(): number
  sleep(ms: number): Promise<void>
  /**
   * Starts listening for a signal. The returned function sleeps up to `ms` milliseconds, or returns at once if the signal has come
   * since.
   */
  listen(signal: WakeSignal): (ms: number) => Promise<void>
}

/** Tells a sleeping loop that the feed has events, or that the queue has messages. */
export type WakeSignal = 'events' | 'messages'

/** Random values, so that a simulation can repeat them. */
export interface Random {
  /** An id that no other call returns, in any process. */
  nonce(): string
  /** A number from 0 up to 1. */
  number(): number
}

/** How a worker died, as its platform tells. */
export interface WorkerDeath {
  /** The memory of the platform was full: a body has used more than its heap. */
  isOutOfMemory: boolean
  message: string
}

/** What the loops of the engine stand on. */
export interface Ports {
  store: Store
  plans: Plans
  feed: Feed
  queue: Queue
  completeness: Completeness
  runner: Runner
  clock: Clock
  random: Random
  /** Whether the process behind a worker's id is known to have ended; false if that cannot be told. */
  isGone(worker: string): Promise<boolean>
  /** How the worker of an attempt died whose lease has ended, if its platform tells; undefined if it does not. */
  deathOf?(attempt: { worker: string; pool: string; startedAt: number }): Promise<WorkerDeath | undefined>
}
