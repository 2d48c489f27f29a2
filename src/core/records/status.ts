/** Status of one task within a run; see docs/state-machine.md for every transition. */
export type TaskStatus =
  | 'pending'
  | 'queued'
  | 'running'
  | 'waiting'
  | 'expanding'
  | 'succeeded'
  | 'complete'
  | 'failed'
  | 'upstream_failed'
  | 'cancelled'

/** Status of a run. */
export type RunStatus = 'planning' | 'running' | 'succeeded' | 'failed' | 'cancelled'

/** How one attempt ended. Only `failed`, `timed_out` and `out_of_memory` use up the retry policy. */
export type AttemptOutcome =
  | 'succeeded'
  | 'failed'
  | 'timed_out'
  | 'out_of_memory'
  | 'lost'
  | 'interrupted'
  | 'not_started'
  | 'throttled'
  | 'over_budget'
  | 'yielded'
  | 'cancelled'

/** Whether a task run can still change. */
export function hasTaskEnded(status: TaskStatus): boolean {
  switch (status) {
    case 'succeeded':
    case 'complete':
    case 'failed':
    case 'upstream_failed':
    case 'cancelled':
      return true
    case 'pending':
    case 'queued':
    case 'running':
    case 'waiting':
    case 'expanding':
      return false
  }
}

/** Whether what depends on a task in this status may run. */
export function satisfiesDependents(status: TaskStatus): boolean {
  return status === 'succeeded' || status === 'complete'
}

/** Whether a run can still change. */
export function isRunOpen(status: RunStatus): boolean {
  return status === 'planning' || status === 'running'
}
