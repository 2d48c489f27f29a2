import type { Run } from '../../core/records/run.ts'
import { hasTaskEnded, isRunOpen, satisfiesDependents, type TaskStatus } from '../../core/records/status.ts'
import type { RunTable } from '../run-table.ts'

/** What can be done with selected tasks. */
export type Act = 'retry' | 'cancel' | 'mark'

/** Whether an act would affect a task of this status now. */
function isAffected(act: Act, { status: ofRun, cancelledAt }: Run, status: TaskStatus): boolean {
  const isUndone = hasTaskEnded(status) && !satisfiesDependents(status)
  switch (act) {
    case 'retry':
      return isUndone
    case 'cancel':
      return ofRun === 'running' && cancelledAt === undefined && !hasTaskEnded(status)
    case 'mark':
      return isRunOpen(ofRun) ? status === 'queued' || status === 'waiting' : isUndone
  }
}

/** Those of these tasks that an act would affect now. */
export const listAffected = (
  act: Act,
  run: Run,
  { status }: RunTable,
  numbers: readonly number[],
): number[] => numbers.filter((number) => isAffected(act, run, status[number] ?? 'pending'))
