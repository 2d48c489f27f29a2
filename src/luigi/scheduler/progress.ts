import type { SchedulerState } from './state.ts'
import type { Resources, TaskFields } from './task.ts'

/** Notes how far a task is, for a batch also with its members. Nothing happens if the task is not known. */
export function noteTaskProgress(
  state: SchedulerState,
  id: string,
  change: Partial<Pick<TaskFields, 'statusMessage' | 'progress'>>,
): void {
  const task = state.task(id)
  if (task === undefined) return
  state.update(task, change)
  if (task.status !== 'RUNNING' || task.batchId === null) return
  for (const member of state.membersOf(task.batchId)) state.update(member, change)
}

/** Gives back part of what a running task takes, for a batch also of its members. */
export function decreaseResources(state: SchedulerState, id: string, decrease: Resources): void {
  const task = state.task(id)
  if (task?.status !== 'RUNNING') return
  const members = task.batchId === null ? [] : state.membersOf(task.batchId)
  for (const each of [task, ...members])
    state.update(each, { resourcesRunning: lowerAmounts(each.resourcesRunning ?? {}, decrease) })
}

const lowerAmounts = (taken: Resources, decrease: Resources): Resources =>
  Object.fromEntries(
    Object.entries(taken).map(([name, amount]) => {
      const less = Object.hasOwn(decrease, name) ? Math.max(decrease[name] ?? 0, 0) : 0
      return [name, Math.max(amount - less, 0)]
    }),
  )
