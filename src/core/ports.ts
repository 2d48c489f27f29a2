import type { Readable } from 'node:stream'
import type { Change, Stored, WriteResult } from './change.ts'
import type { FoundTask } from './graph.ts'
import type { Key, KeyLike, RecordAt } from './keys.ts'
import type { Json, Params, Progress } from './model.ts'
import type { Plan, PlanHeader, PlannedTask } from './plan.ts'
import type { AttemptEnd } from './retry.ts'

/** A record for each key, in the order of the keys. */
export type Records<K extends readonly Key[]> = {
  -readonly [I in keyof K]: Stored<RecordAt<K[I]>> | undefined
}

/** A record with its key. */
export interface Listed<K extends Key = Key> {
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
  /** All changes (at most 100, each key once) or none; durable when it returns. */
  write(changes: readonly Change[]): Promise<WriteResult>
  /** Writes each change on its own, where the adapter has a quicker way for many than a call for each. */
  writeEach?(changes: readonly Change[]): Promise<WriteResult[]>
  /** Records whose keys begin with the prefix, ordered by key. `stale` may miss recent writes, `strong` may not. */
  list<K extends Key>(query: ListQuery<K>): Promise<Listed<K>[]>
  /** Records with `dueAt` at or before the instant; may be stale. */
  due(query: { before: number; limit: number }): Promise<Listed<Key<DuePrefix>>[]>
}

/**
 * A store as an adapter implements it: bytes under strings, which know nothing of kinds. What it returns for a key is
 * what was written under it, so {@link makeTypedStore} may say which record that is.
 */
export interface UntypedStore {
  read(keys: readonly string[]): Promise<(Stored | undefined)[]>
  write: Store['write']
  writeEach?: Store['writeEach'] & {}
  list(query: ListQuery): Promise<{ key: string; record: Stored }[]>
  due(query: { before: number; limit: number }): Promise<{ key: string; record: Stored }[]>
}

/** The store of an adapter, typed by its keys. */
export const makeTypedStore = (store: UntypedStore): Store => store as unknown as Store

/** Numbered plans, immutable. */
export interface Plans {
  /** Keeps the plan of a run unless one is there, and returns true; where it may not be the one that stands, false. */
  save(run: string, plan: Plan): Promise<boolean>
  header(run: string): Promise<PlanHeader | undefined>
  /** Planned tasks in the order of the numbers; unknown numbers are an error. */
  tasks(run: string, numbers: number[]): Promise<PlannedTask[]>
  /** Adds tasks from number `base` on, a multiple of {@link PLAN_SLICE}; doing it again changes nothing. */
  extend(run: string, base: number, tasks: PlannedTask[]): Promise<void>
  /** Forgets the plan of a run, and whatever extended it. */
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
  /** The record as it was after the change, where the feed carries it: it may have changed again since. */
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
}

/** Which messages a worker can use. */
export interface Taking {
  /** Pools that it serves, with how many more attempts each has room for. */
  pools: { [name: string]: number }
  limit: number
  visibilityMs: number
  /** Keeps to these runs where the adapter can (the embedded one). */
  runs?: readonly string[]
  /** Leaves out what this worker cannot run, where the adapter can: these numbers of a run, or all of it. */
  unfit?: ReadonlyMap<string, ReadonlySet<number> | 'all'>
}

/**
 * At-least-once messages. Those of a higher priority go first; among equals the pipelines of a pool take turns, and
 * within a pipeline its runs.
 */
export interface Queue {
  send(messages: OutgoingMessage[]): Promise<void>
  take(query: Taking): Promise<Delivery[]>
  acknowledge(deliveries: Delivery[]): Promise<void>
  /** Makes a message visible again after the delay. */
  putBack(delivery: Delivery, delayMs: number): Promise<void>
  /** Forgets the messages of a run. */
  remove(run: string): Promise<void>
}

/** The longest delay of a message: 15 minutes (SQS `DelaySeconds`). */
export const MAX_DELAY_MS = 15 * 60_000

/** Where targets are kept; a path is relative, with forward slashes. */
export interface Storage {
  uri(path: string): string
  /** One answer per path, with listings where they are cheaper than single look-ups. */
  existMany(paths: string[]): Promise<boolean[]>
  /** Paths of everything below a folder, in order; nothing where there is no such folder. */
  list(folder: string): Promise<string[]>
  read(path: string): Readable
  /** Writes everything beside the target; nothing is visible before `publish`. `attempt` names the writer. */
  stage(path: string, attempt: string, content: Uint8Array | AsyncIterable<Uint8Array>): Promise<Staged>
  /** Removes what dead attempts left beside a target. */
  removeStaged(path: string): Promise<void>
}

/** An output that is written but not yet there. */
export interface Staged {
  read(): Readable
  /** Makes it the target, atomically. `create` keeps what is there already, where the storage can tell. */
  publish(mode: 'create' | 'replace'): Promise<void>
  discard(): Promise<void>
  /** Removes the target that `publish` has made; for an attempt whose next output cannot be published. */
  withdraw(): Promise<void>
}

/** Whether targets exist; asks user code, so it is not part of deciding. */
export interface Completeness {
  /** One answer per task, markers included. */
  areComplete(tasks: LookedAt[]): Promise<boolean[]>
}

/** What has to be known of a task to look at its targets. */
export type LookedAt = Pick<PlannedTask, 'id' | 'family' | 'params' | 'outputs' | 'command' | 'policy'>

/** What a runner needs to know of an attempt. */
export interface Job {
  run: string
  /** How long the attempt's lease lasts from now on. */
  leaseMs: number
  task: PlannedTask
  attempt: number
  nonce: string
  /** The upstreams of `task.requires`, in any order. */
  upstreams: PlannedTask[]
  /** What earlier attempts yielded; all of it has succeeded. */
  dependencies: PlannedTask[]
  /** What is in its targets proves nothing, so that it is replaced. */
  replaces?: true
  checkpoint?: Json
  /** Limit of its memory. */
  memoryMb?: number
  /** What it may spend, by budget. */
  budgets: { [name: string]: Reservation }
}

/** What an attempt may spend of a budget until its window ends. */
export interface Reservation {
  amount: number
  endsAt: number
}

/** What a runner tells and asks while a body runs. */
export interface JobHooks {
  /** Aborted with an outcome as its reason: the body is asked to stop, then killed. */
  signal: AbortSignal
  onProgress(progress: Progress): void
  /** Renews the lease; false means that the attempt is no longer ours and nothing may be published. */
  mayPublish(): Promise<boolean>
  /** Reserves more of a budget in the window of now; undefined: there is not enough left. */
  reserve(budget: string, amount: number): Promise<Reservation | undefined>
  /** Whoever the budget is for asks to be left alone until then. */
  block(budget: string, until: number): Promise<void>
}

/** How a body ended. */
export interface Ending extends Omit<AttemptEnd, 'hasCheckpoint'> {
  result?: Json
  peakMemoryBytes?: number
  /** CPU time that its process used for the attempt. */
  cpuSeconds?: number
  /** For `yielded`: what has to be complete before the next attempt, and everything that takes. */
  yielded?: { roots: string[]; found: FoundTask[] }
  /** What the body last reported about itself. */
  progress?: Progress
  /** What the next attempt is given. */
  checkpoint?: Json
  /** What was spent of budgets in their windows; a budget that is not told was spent whole. */
  spent?: { [name: string]: number }
  /** The last lines of its log, 4 KB at most; kept for attempts that did not succeed. */
  tail?: string
}

/** How a body ended by itself, as the process that ran it tells. */
export interface BodyEnd extends Pick<Ending, 'result' | 'failure' | 'checkpoint' | 'spent' | 'retryAt'> {
  outcome: 'succeeded' | 'failed' | 'yielded' | 'throttled' | 'over_budget'
  /** Tasks that have to be complete before the next attempt. */
  yielded?: TaskName[]
}

/** A task by what it is called with. */
export interface TaskName {
  family: string
  params: Params
}

/** Runs one attempt; never throws for what user code does. */
export interface Runner {
  /** Whether this process defines the family of a task; absent: it defines all. */
  defines?(task: Pick<PlannedTask, 'family' | 'command' | 'join'>): boolean
  run(job: Job, hooks: JobHooks): Promise<Ending>
  /** The lease of a running attempt was extended. A body whose lease is not extended in time kills itself. */
  beat(nonce: string, leaseMs: number): void
  /** Definitions have changed: processes that know those of before end with what they run. */
  renew?(): void
  /** Ends idle processes; `hooks.signal` ends busy ones. */
  close(): Promise<void>
}

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
  /** Whether the process behind a worker's id is known to have ended; false where that cannot be told. */
  isGone(worker: string): Promise<boolean>
  /** How the worker of an attempt died whose lease has ended, if its platform tells; undefined if it does not. */
  deathOf?(attempt: { worker: string; pool: string; startedAt: number }): Promise<WorkerDeath | undefined>
}

/** One line of an attempt's log. */
export interface LogLine {
  at: number
  level: 'debug' | 'info' | 'warn' | 'error'
  text: string
  /** Says how the attempt ended: it is written when it ends, so that a log that is read elsewhere ends with it. */
  isEnd?: true
}

/** The log of one attempt while it runs. */
export interface AttemptLog {
  /** Keeps the lines at once; a crash of this process loses nothing that was written. */
  write(lines: LogLine[]): void
  /** The last lines as text, 4 KB at most. */
  tail(): string
}

/** Which attempt a log belongs to. */
export interface AttemptName {
  run: string
  number: number
  attempt: number
}

/** A line of an attempt. */
export interface AttemptLine extends LogLine, AttemptName {}

/** Which lines are wanted. */
export interface LinesQuery {
  run: string
  number?: number
  attempt?: number
  /** Log streams that can have them, where they are known; 100 at most. */
  streams?: string[]
  /** Nothing was written before. */
  from: number
  /** Where an earlier page ended. */
  after?: string
}

/** A page of lines; `next` goes on where there is more. */
export interface LinesPage {
  lines: AttemptLine[]
  next?: string
}

/** Logs of attempts. */
export interface Logs {
  open(attempt: AttemptName): AttemptLog
  /** Attempts of a run that have written lines, in order of number and attempt. */
  list(run: string): Promise<AttemptName[]>
  /** Lines from a byte offset on, and the offset after them; no lines where there is nothing new. */
  read(attempt: AttemptName, from: number): Promise<{ lines: LogLine[]; next: number }>
  /** Forgets the lines of a run. */
  remove(run: string): Promise<void>
}

/** Credentials by name. */
export interface SecretStore {
  get(name: string): Promise<string | undefined>
  /** Whether it has a value; asks for no right to read the value. */
  isSet(name: string): Promise<boolean>
  /** How a person sets it. */
  hint(name: string): string
}

/** Which processes work on the runs of a state. */
export interface Presence {
  /** Says that this process works on runs, until it leaves. */
  announce(): Announcement
  /** Processes that work or, where they were killed, worked; those that left are not among them. */
  list(): Promise<SeenWorker[]>
}

/** What a process says of its work. */
export interface Announcement {
  /** The runs that it works on now; undefined: all. */
  worksOn(runs: readonly string[] | undefined): void
  leave(): void
}

/** A process that has said that it works on runs. */
export interface SeenWorker {
  worker: string
  /** Undefined: all runs. */
  runs: readonly string[] | undefined
  seenAt: number
  isGone: boolean
}
