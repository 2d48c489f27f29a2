/** An execution of a state machine that shows a run and waits for its end. */
export interface Execution {
  kind: 'execution'
  /** The run that it shows; absent if it was stopped before it had one. */
  run?: string
  arn: string
  /** What its end is told with. */
  token?: string
  stoppedAt?: number
}

/** That an execution shows a run: by these the executions of a run are found. */
export interface ExecutionLink {
  kind: 'showing'
}

/** How containers of a pool start. One launcher at a time works on it. */
export interface Launches {
  kind: 'launches'
  pool: string
  /** Until when a launcher is at work; after that it has died. */
  busyUntil?: number
  /** Counts those who asked for a look while a launcher was at work: it looks once more. */
  asked: number
  /** Containers that were started and have not yet proved that they work, by ARN. */
  unproved: string[]
  /** How many starts in a row failed. */
  failures: number
  /** Why the last one did; absent if none did since one worked. */
  reason?: string
  /** No container is started before. */
  notBefore?: number
  /** How long a container has to run to prove itself, if one has crashed after more than a minute. @default PROVED_MS */
  proveMs?: number
  /** A crash that no launcher has looked at yet. */
  crash?: Crash
}

/** A container that had proved itself and crashed without a task. */
export interface Crash {
  arn: string
  ranMs: number
  reason: string
}

/** The code that is deployed: what a worker compares its own with. */
export interface DeployedCode {
  kind: 'code'
  code: string
}
