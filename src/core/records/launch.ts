import type { AttemptOutcome } from './status.ts'

/**
 * The launch of an attempt that a service runs elsewhere, kept in its task run from the claim on: until a handle is there it is the
 * intent. Instants are by the steady clock, but those of {@link LaunchTimes}.
 */
export interface Launch {
  /** What runs the job. @default of launches by versions that knew no other: {@link ECS} */
  place?: JobPlace
  /** The service knows the job by it; a new one for each attempt, which is launched once. */
  token: string
  /** Without a sign of life until then it never started. */
  deadline: number
  /** The governor has a launch for it then. */
  launchAt?: number
  /** One process alone launches until then; if it is over and still here, that process was cut. */
  busyUntil?: number
  /** The job, once it is known to be launched. */
  handle?: string
  /** A sign of life has come. */
  alive?: true
  /** The job is being stopped: how the attempt ends if it is seen stopped. */
  stopping?: Extract<AttemptOutcome, 'cancelled' | 'timed_out' | 'not_started' | 'lost'>
  /** What is in its targets proves nothing, so that it is replaced. */
  replaces?: true
  times: LaunchTimes
}

/** Where a job is launched. */
export interface JobPlace {
  /** Name of the service. */
  service: string
  /** What it runs as or in there, by a name that the launcher of the service knows: a family of task definitions. */
  target: string
}

/** Something for each service that runs jobs, by its name. */
export interface ByService<T> {
  readonly [service: string]: T
}

/** The service that runs containers. */
export const ECS = 'ecs'

/** The service that runs Spark programs without a cluster of the user's. */
export const EMR_SERVERLESS = 'emr-serverless'

/** The service that runs Spark programs as steps of the user's clusters. */
export const EMR_STEP = 'emr-step'

/** The service that runs the job of a launch. */
export const getLaunchService = ({ place }: Pick<Launch, 'place'>): string => place?.service ?? ECS

/** What a job has used, as its service bills it. */
export interface JobUsage {
  vcpuHours: number
  memoryGbHours: number
  storageGbHours: number
}

/** What is kept of a launch when its attempt has ended: its job, and when the parts of the time before its body ran began. */
export type LaunchStory = LaunchTimes & { job?: string }

/** What people are told of a launch. */
export const tellLaunch = ({ handle, times }: Launch): LaunchStory => ({
  ...(handle === undefined ? {} : { job: handle }),
  ...times,
})

/** When what comes before a body began, by the wall clock, as far as what runs it can tell. */
export interface StartTimes {
  /** The pull, or the build, of its image. */
  pullingAt?: number
  /** The start of its process or container. */
  startingAt?: number
  runningAt?: number
}

/** When the parts of the time before a body runs elsewhere began, by the wall clock. */
export interface LaunchTimes extends StartTimes {
  /** It was claimed: until then it was queued or waited for a limit. */
  claimedAt: number
  launchedAt?: number
}

/** How fast jobs may be launched in one account: a bucket of tokens that shrinks if the service throttles, and grows again. */
export interface Governor {
  kind: 'governor'
  /** Launches a second. */
  rate: number
  /** Launches that may follow at once; below zero: so many are promised to those who wait for their instant. */
  tokens: number
  /** When both were last reckoned, by the steady clock. */
  at: number
}
