import type { SchedulerState } from './state.ts'
import { isBatchHead, type LuigiTask, type TaskStatus } from './task.ts'

/** Gives a task a new status, by all rules that hold for it; those of its batch follow. */
export function setTaskStatus(state: SchedulerState, task: LuigiTask, wanted: TaskStatus, now: number): void {
  const isInWork = task.status === 'RUNNING' || task.status === 'BATCH_RUNNING'
  if (wanted === 'DISABLED' && isInWork) return
  const isRemovedOnFailure = isBatchHead(task)
  if (task.status === 'DISABLED' && !leaveDisabled(state, task, wanted)) return
  if (task.status === 'RUNNING' && task.batchId !== null && wanted !== 'RUNNING')
    endBatch(state, task, task.batchId, wanted, now)
  const status = settleFailure(state, task, wanted, now)
  if (status !== task.status) state.update(task, { status, updated: now })
  if (status !== 'FAILED') return
  state.update(task, {
    retryAt: now + state.config.retry_delay,
    ...(isRemovedOnFailure ? { removeAt: now } : {}),
  })
}

/** Whether a disabled task may go on to another status. What the scheduler disabled, only success enables. */
function leaveDisabled(state: SchedulerState, task: LuigiTask, wanted: TaskStatus): boolean {
  if (wanted === 'DONE') {
    state.update(task, { disabledAt: null, ...NO_FAILURES })
    return true
  }
  return wanted === 'DISABLED' || task.disabledAt === null
}

function endBatch(
  state: SchedulerState,
  head: LuigiTask,
  batchId: string,
  wanted: TaskStatus,
  now: number,
): void {
  for (const member of state.membersOf(batchId)) {
    setTaskStatus(state, member, wanted, now)
    state.update(member, { batchId: null })
  }
  state.update(head, { batchId: null })
}

/** Counts a failure. Returns the status that the task gets: too many failures disable it. */
function settleFailure(state: SchedulerState, task: LuigiTask, wanted: TaskStatus, now: number): TaskStatus {
  if (wanted === 'DISABLED') state.update(task, { disabledAt: null })
  if (wanted !== 'FAILED' || task.status === 'DISABLED') return wanted
  const recent = [...keepRecentFailures(task, now), now]
  const firstFailure = task.firstFailure ?? now
  const { disableHardTimeout, retryCount } = task.policy
  const isTooMuch = now >= firstFailure + disableHardTimeout || recent.length >= retryCount
  state.update(task, { failures: recent, firstFailure, ...(isTooMuch ? { disabledAt: now } : {}) })
  return isTooMuch ? 'DISABLED' : 'FAILED'
}

/** The failures that still count. */
export const keepRecentFailures = ({ failures, policy }: LuigiTask, now: number): number[] =>
  failures.filter((at) => at >= now - policy.disableWindow)

/** As if the task had never failed. */
export const NO_FAILURES = { failures: [], firstFailure: null } as const
