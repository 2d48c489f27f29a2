import type { TaskIndex } from './indexes.ts'
import { listPendingOf, type PendingCounts } from './pending-counts.ts'
import type { LuigiTask } from './task.ts'

/** What the index asks of the state. */
export interface TaskGraph {
  get(id: string): LuigiTask | undefined
  disabled(): ReadonlySet<LuigiTask>
  dependantsOf(id: string): ReadonlySet<LuigiTask>
}

/**
 * The pending tasks that cannot run because a disabled task is upstream of them. They are found again only after a change
 * that can make a difference, which is rare: the task that is handed out is never among them.
 */
export class BlockedTasks implements TaskIndex {
  readonly fields = ['status', 'deps', 'workers'] as const
  readonly #graph: TaskGraph
  #blocked = new Set<LuigiTask>()
  #counts = new Map<string, PendingCounts>()
  #isStale = false

  constructor(graph: TaskGraph) {
    this.#graph = graph
  }

  /** How many tasks are blocked of those that a worker has pending. */
  countsOf(worker: string): PendingCounts | undefined {
    this.#refresh()
    return this.#counts.get(worker)
  }

  add(task: LuigiTask): void {
    this.#notice(task)
  }

  remove(task: LuigiTask): void {
    this.#notice(task)
  }

  #notice(task: LuigiTask): void {
    if (this.#isStale) return
    if (task.status === 'DISABLED') this.#isStale = this.#graph.dependantsOf(task.id).size > 0
    else if (task.status === 'PENDING' && (this.#blocked.size > 0 || this.#graph.disabled().size > 0))
      this.#isStale = this.#blocked.has(task) || this.#isBehind(task)
  }

  #isBehind(task: LuigiTask): boolean {
    for (const id of task.deps) {
      const dependency = this.#graph.get(id)
      if (dependency?.status === 'DISABLED') return true
      if (dependency !== undefined && this.#blocked.has(dependency)) return true
    }
    return false
  }

  #refresh(): void {
    if (!this.#isStale) return
    this.#isStale = false
    this.#blocked = findBlocked(this.#graph)
    this.#counts = new Map()
    for (const task of this.#blocked)
      for (const [worker, { pending, unique, lastScheduled }] of listPendingOf(task)) {
        const counts = this.#counts.get(worker) ?? { pending: 0, unique: 0, lastScheduled: 0 }
        counts.pending += pending
        counts.unique += unique
        counts.lastScheduled += lastScheduled
        this.#counts.set(worker, counts)
      }
  }
}

function findBlocked({ disabled, dependantsOf }: TaskGraph): Set<LuigiTask> {
  const blocked = new Set<LuigiTask>()
  const open: LuigiTask[] = [...disabled()]
  for (let next = open.pop(); next !== undefined; next = open.pop())
    for (const dependant of dependantsOf(next.id)) {
      if (dependant.status !== 'PENDING' || blocked.has(dependant)) continue
      blocked.add(dependant)
      open.push(dependant)
    }
  return blocked
}
