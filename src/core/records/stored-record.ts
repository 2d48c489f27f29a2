import type { DeployedCode, Execution, ExecutionLink, Launches } from './deployment.ts'
import type { Governor } from './launch.ts'
import type { Limit, Lock, WaitItem } from './lock-and-limit.ts'
import type { RequestRecord, Run, ScheduleRecord } from './run.ts'
import type { Attempt, Checkpoint, Maker, Marker, TaskRun } from './task-run.ts'

/*
 * The records of the engine as they are stored; `keys.ts` has their keys. All instants are milliseconds since 1970, by
 * the wall clock; those of leases and delays are by the steady clock, and say so.
 */

/** Any record of the store. */
export type StoredRecord =
  | TaskRun
  | Run
  | RequestRecord
  | Lock
  | WaitItem
  | Limit
  | Checkpoint
  | ScheduleRecord
  | Attempt
  | Marker
  | Maker
  | Execution
  | ExecutionLink
  | Launches
  | DeployedCode
  | Governor
