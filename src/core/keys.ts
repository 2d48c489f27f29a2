import { hashTargetUri } from './identity.ts'
import type { DeployedCode, Execution, ExecutionLink, Launches } from './records/deployment.ts'
import type { Governor } from './records/launch.ts'
import type { Limit, Lock, WaitItem } from './records/lock-and-limit.ts'
import type { RequestRecord, Run, ScheduleRecord } from './records/run.ts'
import type { Attempt, Checkpoint, Maker, Marker, TaskRun } from './records/task-run.ts'

/**
 * The record under each key, by what the key begins with. A key is a string whose type knows that beginning, so that
 * reads return, and writes accept, only what belongs under it.
 */
interface RecordsByPrefix {
  request: RequestRecord
  run: Run
  task: TaskRun
  attempt: Attempt
  lock: Lock
  limit: Limit
  checkpoint: Checkpoint
  schedule: ScheduleRecord
  wait: WaitItem
  marker: Marker
  maker: Maker
  execution: Execution
  showing: ExecutionLink
  launches: Launches
  code: DeployedCode
  governor: Governor
}

/** What a key begins with. */
export type Prefix = keyof RecordsByPrefix

/** A key of records of one kind, or the beginning of several such keys; without an argument any key. */
export type Key<P extends Prefix = Prefix> = P extends Prefix ? `${P}/${string}` : never

type PrefixOf<K extends Key> = { [P in Prefix]: K extends Key<P> ? P : never }[Prefix]

/** The record under a key. */
export type RecordAt<K extends Key> = RecordsByPrefix[PrefixOf<K>]

/** Every key that begins as this one does. */
export type KeyLike<K extends Key> = Key<PrefixOf<K>>

const padded = (number: number) => String(number).padStart(8, '0')

/** Every key of the store, spelled once. */
export const keys = {
  request: (request: string): Key<'request'> => `request/${request}`,
  run: (run: string): Key<'run'> => `run/${run}`,
  taskRun: (run: string, number: number): Key<'task'> => `task/${run}/${padded(number)}`,
  taskRuns: (run: string): Key<'task'> => `task/${run}/`,
  attempt: (run: string, number: number, attempt: number): Key<'attempt'> =>
    `attempt/${run}/${padded(number)}/${String(attempt).padStart(4, '0')}`,
  attempts: (run: string): Key<'attempt'> => `attempt/${run}/`,
  lock: (taskId: string): Key<'lock'> => `lock/${taskId}`,
  limit: (of: Limit['of'], name: string): Key<'limit'> => `limit/${of}/${name}`,
  limits: 'limit/',
  checkpoint: (run: string, number: number): Key<'checkpoint'> => `checkpoint/${run}/${padded(number)}`,
  checkpoints: (run: string): Key<'checkpoint'> => `checkpoint/${run}/`,
  schedule: (pipeline: string): Key<'schedule'> => `schedule/${pipeline}`,
  /** `order` sorts those who wait: what comes first goes first. */
  wait: (row: Key<'lock' | 'limit'>, run: string, number: number, order = ''): Key<'wait'> =>
    `wait/${row}/${order}${run}/${padded(number)}`,
  waits: (row: Key<'lock' | 'limit'>): Key<'wait'> => `wait/${row}/`,
  marker: (taskId: string): Key<'marker'> => `marker/${taskId}`,
  // Joined and not concatenated: planning holds a key for each target, and a rope keeps its parts beside itself.
  maker: (uri: string): Key<'maker'> => ['maker', hashTargetUri(uri)].join('/') as Key<'maker'>,
  /** By the last two parts of its ARN: a name is unique within its state machine alone. */
  execution: (id: string): Key<'execution'> => `execution/${id}`,
  showing: (run: string, execution: string): Key<'showing'> => `showing/${run}/${execution}`,
  showings: (run: string): Key<'showing'> => `showing/${run}/`,
  launches: (pool: string): Key<'launches'> => `launches/${pool}`,
  deployedCode: 'code/deployed',
  /** `bucket`: of one service; what that throttles does not slow the others down. */
  governor: (bucket = 'launches'): Key<'governor'> => `governor/${bucket}`,
} as const
