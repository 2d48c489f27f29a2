import type { SchedulerConfig } from './config.ts'
import type { TaskIndex } from './indexes.ts'
import { RankedList } from './ranked-list.ts'
import type { LuigiTask } from './task.ts'

interface Due {
  at: number
  task: LuigiTask
}

/** The tasks that time changes: what is to be tried again, forgotten or enabled again, and what no worker keeps alive. */
export class DueTasks implements TaskIndex {
  readonly fields = ['status', 'retryAt', 'removeAt', 'disabledAt', 'stakeholders'] as const
  readonly #list = new RankedList<Due>((a, b) => a.at - b.at || a.task.number - b.task.number)
  readonly #entries = new Map<LuigiTask, Due>()
  readonly #abandoned = new Set<LuigiTask>()
  readonly #config: SchedulerConfig

  constructor(config: SchedulerConfig) {
    this.#config = config
  }

  /** Tasks for which a rule of time may hold now, in no order. */
  listDue(now: number): LuigiTask[] {
    const due = [...this.#abandoned]
    for (const { at, task } of this.#list.from()) {
      if (at > now) break
      due.push(task)
    }
    return due
  }

  add(task: LuigiTask): void {
    if (isAbandoned(task)) this.#abandoned.add(task)
    const at = findDueTime(task, this.#config)
    if (at === undefined) return
    const entry = { at, task }
    this.#entries.set(task, entry)
    this.#list.add(entry)
  }

  remove(task: LuigiTask): void {
    this.#abandoned.delete(task)
    const entry = this.#entries.get(task)
    if (entry === undefined) return
    this.#entries.delete(task)
    this.#list.remove(entry)
  }
}

/** Whether it is to be forgotten after a while, because no worker wants it any more. */
export const isAbandoned = ({ stakeholders, removeAt, status }: LuigiTask): boolean =>
  stakeholders.size === 0 && removeAt === null && status !== 'RUNNING'

function findDueTime(task: LuigiTask, config: SchedulerConfig): number | undefined {
  const times = [
    ...(task.status === 'FAILED' && task.retryAt !== null ? [task.retryAt] : []),
    ...(task.status === 'DISABLED' && task.disabledAt !== null
      ? [task.disabledAt + config.disable_persist]
      : []),
    ...(task.removeAt === null ? [] : [task.removeAt]),
  ]
  return times.length === 0 ? undefined : Math.min(...times)
}
