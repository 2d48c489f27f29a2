import type { JobUsage } from '../records/launch.ts'
import type { Message } from './deciding.ts'

/*
 * The port of launching: jobs that a service runs elsewhere, such as a task of ECS. A service keeps its own word about a job late, twice
 * or not at all; so everything that the engine decides goes by `look`, and everything that it does may be done again.
 */

/** Starts jobs of a service, looks at them and stops them; `D`: what differs from job to job, in a form that its orders have. */
export interface Launcher<D> {
  /**
   * Launches a job under its token. A second call with one token returns the handle of the first and launches nothing, also if the first
   * call was never answered.
   */
  launch(order: LaunchOrder<D>): Promise<LaunchAnswer>
  /**
   * Where a job is launched whose target is not the name of one place, such as a cluster by its name: the target of its order, which is
   * noted before it is launched. Absent: every target is a place.
   */
  locate?(target: string): Promise<{ is: 'located'; target: string } | LaunchRefusal>
  /** How many jobs it looks at in one {@link look}: as many as the service tells of in the fewest calls. */
  readonly maxLook: number
  /**
   * The states of up to {@link maxLook} jobs, in the order of the handles. `undefined`: the service does not know the job, not yet or
   * not any more.
   */
  look(handles: readonly string[]): Promise<(JobState | undefined)[]>
  /** The handle of the job that was launched so; undefined if there is none, or it can no longer be found. */
  find(launch: LaunchQuery): Promise<string | undefined>
  /**
   * Asks the service to stop a job. It stops later, or never: only {@link Launcher.look} tells. A job that has ended, or is not known,
   * is no error.
   */
  stop(handle: string, reason: string): Promise<void>
  /** Jobs that have not ended, up to 100 at a time, also those of others; `cursor`: that of the page before. */
  list(cursor?: string): Promise<{ jobs: OpenJob[]; cursor?: string }>
}

/** What is launched. Nothing in it is a secret. */
export interface LaunchOrder<D> {
  /** The attempt that it is for; kept with the job, so that its process and a sweep find what it was launched for. */
  handover: AttemptHandover
  /** What to launch, by a name that the adapter knows: a family of task definitions, an application, a cluster. */
  target: string
  /** What differs from job to job: arguments, environment, memory. */
  details: D
}

/** An attempt as the one who claimed it names it to the one who runs it. */
export interface AttemptHandover extends Message {
  /** Of the launch; known to the service: 1 to 32 letters, digits and hyphens, less than what services take as a token. */
  token: string
}

/** A launch that may have been made. */
export interface LaunchQuery {
  token: string
  /** That of its order: services find a job only where it was launched. */
  target: string
  /** It was not made before, by the clock of the engine, in milliseconds since 1970. */
  since: number
}

/** How a launch went. */
export type LaunchAnswer = { is: 'launched'; handle: string } | LaunchRefusal

/** Why nothing was launched; `message` is what the service says. */
export interface LaunchRefusal {
  /**
   * `throttled`: too many calls, the account's rate shrinks. `no_capacity`: none of the wanted kind is left, it is waited for.
   * `invalid`: the same order is refused again.
   */
  is: 'throttled' | 'no_capacity' | 'invalid'
  message: string
}

/** A job that has not ended. */
export interface OpenJob {
  handle: string
  /** Absent if what is kept with the job does not tell: it is left alone. */
  handover?: AttemptHandover
}

/** Where a job stands. Instants are by the clock of the service, in milliseconds since 1970. */
export interface JobState {
  /** `waiting`: the service has accepted it and has no place for it yet, however long that takes; all other parts are short. */
  is: 'waiting' | 'queued' | 'pulling' | 'starting' | 'running' | 'ended'
  times: JobTimes
  /** Present if it has ended. */
  end?: JobEnd
}

/** When the parts of a job's time began, as far as the service tells. */
export interface JobTimes {
  pullingAt?: number
  startingAt?: number
  runningAt?: number
  endedAt?: number
}

/** How a job ended, as the service tells it. */
export interface JobEnd {
  cause: JobEndCause
  /** Of its program; absent if that never ran, or its service does not tell. */
  exitCode?: number
  /** What the service says. */
  message: string
  /** What it used, if its service tells. */
  usage?: JobUsage
}

/**
 * Why a job ended: `succeeded`, `failed`: by itself. `spot`: its capacity was taken away. `never_started`: no program of it has run.
 * `invalid`: it cannot ever start, such as without its image. `cancelled`: it was stopped. `lost`: its cluster is gone, or its
 * end is not known.
 */
export type JobEndCause =
  | 'succeeded'
  | 'failed'
  | 'out_of_memory'
  | 'timeout'
  | 'spot'
  | 'no_capacity'
  | 'never_started'
  | 'invalid'
  | 'cancelled'
  | 'lost'

/** A state that a service tells by itself: at least once, late, and in any order. */
export interface JobNews {
  handle: string
  handover: AttemptHandover
  state: JobState
}

/** Opens and ends shells: jobs of a person, which belong to no attempt and are launched and looked at apart from those of attempts. */
export interface ShellJobs<D> {
  /** Opens none a second time under one token; `refused`: the service has started nothing, and says why. */
  open(order: ShellOrder<D>): Promise<{ is: 'opened'; id: string } | { is: 'refused'; message: string }>
  /** False if there is no shell of this id. One that has ended is no error. */
  end(id: string, reason: string): Promise<boolean>
}

/** What a shell is opened with. Nothing in it is a secret. */
export interface ShellOrder<D> {
  token: string
  /** As of a {@link LaunchOrder}. */
  target: string
  /** The task that it stands for. */
  of: { run: string; number: number }
  details: D
}
