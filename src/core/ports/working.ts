import type { Readable } from 'node:stream'
import type { FoundTask } from '../graph.ts'
import type { Json, Params } from '../json.ts'
import type { PlannedTask } from '../plan.ts'
import type { JobUsage, StartTimes } from '../records/launch.ts'
import type { Progress } from '../records/task-run.ts'
import type { AttemptEnd } from '../retry.ts'
import type { StopRequest } from '../stop-request.ts'

/* Ports of executing: how a worker runs an attempt, keeps its targets and reads its secrets. */

/** Where targets are kept; a path is relative, with forward slashes. */
export interface Storage {
  uri(path: string): string
  /** One answer per path, with listings if they are cheaper than single look-ups. */
  existMany(paths: string[]): Promise<boolean[]>
  /** Paths of everything below a folder, in order; nothing if there is no such folder. */
  list(folder: string): Promise<string[]>
  read(path: string): Readable
  /** Writes everything beside the target; nothing is visible before `publish`. `attempt` names the writer. */
  stage(path: string, attempt: string, content: Uint8Array | AsyncIterable<Uint8Array>): Promise<StagedOutput>
  /** Removes what dead attempts left beside a target. */
  removeStaged(path: string): Promise<void>
}

/** An output that is written but not yet there. */
export interface StagedOutput {
  read(): Readable
  /** Makes it the target, atomically. `create` keeps what is there already, if the storage can tell. */
  publish(mode: 'create' | 'replace'): Promise<void>
  discard(): Promise<void>
  /** Removes the target that `publish` has made; for an attempt whose next output cannot be published. */
  withdraw(): Promise<void>
}

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
  /** Begun by the worker of an earlier attempt, which has only the rest of its time for it. */
  isHandedOn?: true
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
  /** The body is asked to stop, then killed. */
  stop: Pick<StopRequest, 'reason' | 'onStop'>
  onProgress(progress: Progress): void
  /** Renews the lease; false means that the attempt is no longer ours and nothing may be published. */
  mayPublish(): Promise<boolean>
  /** Reserves more of a budget in the window of now; undefined: there is not enough left. */
  reserve(budget: string, amount: number): Promise<Reservation | undefined>
  /** The outside service of the budget asks for no requests until then. */
  block(budget: string, until: number): Promise<void>
}

/** How a body ended. */
export interface Ending extends Omit<AttemptEnd, 'hasCheckpoint'> {
  result?: Json
  peakMemoryBytes?: number
  /** CPU time that its process used for the attempt. */
  cpuSeconds?: number
  /** Digest of the image of its container. */
  image?: string
  times?: StartTimes
  /** What its job elsewhere has used. */
  usage?: JobUsage
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
  /**
   * Removes what the next attempt would go on with. Called once the end is written: if this process dies before, the next attempt
   * finds that the work is done.
   */
  cleanUp?: () => Promise<void>
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
  extendLease(nonce: string, leaseMs: number): void
  /** Definitions have changed: processes that know those of before end with what they run. */
  renew?(): void
  /**
   * Ends and removes what attempts of dead processes have left running, if no attempt can go on with it: `isOpen` tells of a task
   * run whether it may still have attempts.
   */
  endAbandoned?(isOpen: (run: string, number: number) => Promise<boolean>): Promise<void>
  /** Ends idle processes; `hooks.stop` ends busy ones. */
  close(): Promise<void>
}

/** Credentials by name. */
export interface SecretStore {
  get(name: string): Promise<string | undefined>
  /** Whether it has a value; asks for no right to read the value. */
  isSet(name: string): Promise<boolean>
  /** How a person sets it. */
  hint(name: string): string
}
