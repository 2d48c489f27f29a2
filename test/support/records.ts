import type { TaskRun } from '../../src/core/model.ts'

/** A task run of run `r-1` with these fields. */
export const taskRun = (more: Partial<TaskRun> = {}): TaskRun => ({
  kind: 'taskRun',
  run: 'r-1',
  number: 0,
  taskId: 't',
  status: 'pending',
  attempt: 1,
  used: 0,
  free: 0,
  upstreams: 0,
  ended: '',
  failed: '',
  ...more,
})
