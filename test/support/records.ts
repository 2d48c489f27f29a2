import { type Limits, NO_LIMITS } from '../../src/core/limits.ts'
import type { TaskRun } from '../../src/core/records/task-run.ts'
import type { Settings } from '../../src/engine/context.ts'

/** A task run of run `r-1` with these fields. */
export const taskRun = (more: Partial<TaskRun> = {}): TaskRun => ({
  kind: 'taskRun',
  run: 'r-1',
  number: 0,
  taskId: 't',
  status: 'pending',
  attempt: 1,
  pool: 'default',
  priority: 0,
  upstreams: 0,
  ended: '',
  failed: '',
  ...more,
})

/** Settings of a stepwise engine with these limits. */
export const settings = (limits: Limits = NO_LIMITS): Settings => ({
  worker: 'w',
  leaseMs: 30_000,
  heartbeatMs: 5_000,
  skewMs: 0,
  auditMs: 3_600_000,
  limits,
  defaultMemoryMb: 1_000,
  largestMemoryMb: 4_000,
})
