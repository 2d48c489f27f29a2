import { BatcherRegistry } from './batchers.ts'
import { BlockedTasks } from './blocked-tasks.ts'
import { makeNoChanges, type SchedulerChanges } from './changes.ts'
import { makeDefaultPolicy, type RetryPolicy, type SchedulerConfig } from './config.ts'
import { DependencyIndex } from './dependencies.ts'
import { DueTasks } from './due-tasks.ts'
import { GroupIndex, StatusIndex, type TaskIndex } from './indexes.ts'
import { PendingCounter, type PendingCounts } from './pending-counts.ts'
import { ReadyTasks } from './ready-tasks.ts'
import type { LuigiTask, TaskFields, TaskStatus } from './task.ts'
import { makeTaskFields } from './task.ts'
import { type LuigiWorker, makeWorkerFields, type WorkerFields } from './worker.ts'

/** What is neither of a task nor of a worker. */
export interface SchedulerSettings {
  /** Totals of resources by name. */
  resources: Readonly<Record<string, number>>
  paused: boolean
}

/**
 * All tasks and workers, in memory. Invariants:
 * 1. Fields change through `update`, `updateWorker` and `updateSettings` alone, so that each change is noted for the store.
 * 2. Each index sees a task before and after a change of the fields that it reads, so that no call looks at all tasks.
 * 3. A task names as stakeholders and workers only workers that are known: `forgetWorker` takes it out of its tasks.
 */
export class SchedulerState {
  readonly config: SchedulerConfig
  readonly byStatus = new StatusIndex()
  readonly due: DueTasks
  readonly dependencies: DependencyIndex
  readonly ready: ReadyTasks
  readonly batchers = new BatcherRegistry(
    () => ++this.#lastNumber,
    (worker) => this.#workers.has(worker),
  )
  readonly #tasks = new Map<string, LuigiTask>()
  readonly #workers = new Map<string, LuigiWorker>()
  readonly #pending = new PendingCounter()
  readonly #blocked: BlockedTasks
  readonly #byBatch = new GroupIndex(['batchId'], ({ batchId }) => (batchId === null ? [] : [batchId]))
  readonly #byStakeholder = new GroupIndex(['stakeholders'], ({ stakeholders }) => stakeholders)
  readonly #byWorker = new GroupIndex(['workers'], ({ workers }) => workers)
  /** In the order in which they take a task; they forget it in the reverse order. */
  readonly #indexes: readonly TaskIndex[]
  readonly #concerned = new Map<string, readonly TaskIndex[]>()
  #settings: SchedulerSettings = { resources: {}, paused: false }
  #changes = makeNoChanges()
  #lastNumber = 0

  constructor(config: SchedulerConfig) {
    this.config = config
    this.due = new DueTasks(config)
    this.dependencies = new DependencyIndex((id) => this.#tasks.get(id)?.status === 'DONE', {
      before: (task) => this.ready.remove(task),
      after: (task) => this.ready.add(task),
    })
    this.ready = new ReadyTasks((task) => this.dependencies.isMet(task))
    this.#blocked = new BlockedTasks({
      get: (id) => this.#tasks.get(id),
      disabled: () => this.byStatus.withStatus('DISABLED'),
      dependantsOf: (id) => this.dependencies.dependantsOf(id),
    })
    this.#indexes = [
      this.byStatus,
      this.#byBatch,
      this.#byStakeholder,
      this.#byWorker,
      this.due,
      this.dependencies,
      this.dependencies.completion,
      this.ready,
      this.#pending,
      this.#blocked,
    ]
  }

  get settings(): SchedulerSettings {
    return this.#settings
  }

  /** All tasks, in the order in which they came. */
  tasks(): Iterable<LuigiTask> {
    return this.#tasks.values()
  }

  get taskCount(): number {
    return this.#tasks.size
  }

  workers(): Iterable<LuigiWorker> {
    return this.#workers.values()
  }

  task(id: string): LuigiTask | undefined {
    return this.#tasks.get(id)
  }

  worker(id: string): LuigiWorker | undefined {
    return this.#workers.get(id)
  }

  /** Tasks with this status. */
  withStatus(status: TaskStatus): ReadonlySet<LuigiTask> {
    return this.byStatus.withStatus(status)
  }

  /** Tasks that are handed out as members of this batch. */
  membersOf(batchId: string): LuigiTask[] {
    return [...this.#byBatch.of(batchId)].filter(({ status }) => status === 'BATCH_RUNNING')
  }

  /** Tasks that a worker can run. */
  tasksOf(worker: string): ReadonlySet<LuigiTask> {
    return this.#byWorker.of(worker)
  }

  /** What a worker still has to do, without what waits for a disabled task. */
  countPending(worker: string): PendingCounts {
    const all = this.#pending.of(worker)
    const blocked = this.#blocked.countsOf(worker)
    if (blocked === undefined) return all
    return {
      pending: all.pending - blocked.pending,
      unique: all.unique - blocked.unique,
      lastScheduled: all.lastScheduled - blocked.lastScheduled,
    }
  }

  /** Whether a pending task of this worker needs resources. */
  needsResources(worker: string): boolean {
    return this.#pending.hasResources(worker)
  }

  /** The policy of tasks for which a client sets none. */
  defaultPolicy(): RetryPolicy {
    return makeDefaultPolicy(this.config)
  }

  addTask(id: string, now: number, fields: Partial<TaskFields>): LuigiTask {
    const task = this.restoreTask({
      ...makeTaskFields(now, this.defaultPolicy()),
      ...fields,
      id,
      number: ++this.#lastNumber,
    })
    this.#changes.statuses.push({ task, status: task.status })
    return task
  }

  /** Takes a task as it was kept. */
  restoreTask(task: LuigiTask): LuigiTask {
    this.#tasks.set(task.id, task)
    this.#lastNumber = Math.max(this.#lastNumber, task.number)
    for (const index of this.#indexes) index.add(task)
    this.#changes.tasks.add(task)
    return task
  }

  /** Sets fields of a task. */
  update(task: LuigiTask, change: Partial<TaskFields>): void {
    if (change.status !== undefined && change.status !== task.status)
      this.#changes.statuses.push({ task, status: change.status })
    this.#assign(task, change)
    this.#changes.tasks.add(task)
  }

  #assign(task: LuigiTask, change: Partial<TaskFields>): void {
    const concerned = this.#listConcerned(change)
    for (let at = concerned.length - 1; at >= 0; at--) concerned[at]?.remove(task)
    Object.assign(task, change)
    for (const index of concerned) index.add(task)
  }

  /** The indexes that read one of these fields; the same few sets of fields are changed again and again. */
  #listConcerned(change: Partial<TaskFields>): readonly TaskIndex[] {
    const names = Object.keys(change)
    const key = names.join()
    const known = this.#concerned.get(key)
    if (known !== undefined) return known
    const concerned = this.#indexes.filter(({ fields }) => fields.some((field) => names.includes(field)))
    this.#concerned.set(key, concerned)
    return concerned
  }

  removeTask(task: LuigiTask): void {
    for (const index of this.#indexes.toReversed()) index.remove(task)
    this.#tasks.delete(task.id)
    this.#changes.tasks.delete(task)
    this.#changes.removedTasks.add(task)
  }

  /** The worker with this id; any mention makes it known. */
  mentionWorker(id: string, now: number): LuigiWorker {
    return (
      this.#workers.get(id) ??
      this.restoreWorker({ ...makeWorkerFields(now), id, number: ++this.#lastNumber })
    )
  }

  /** Takes a worker as it was kept. */
  restoreWorker(worker: LuigiWorker): LuigiWorker {
    this.#workers.set(worker.id, worker)
    this.#lastNumber = Math.max(this.#lastNumber, worker.number)
    this.#changes.workers.add(worker)
    return worker
  }

  updateWorker(worker: LuigiWorker, change: Partial<WorkerFields>): void {
    Object.assign(worker, change)
    this.#changes.workers.add(worker)
  }

  /** Forgets a worker, and takes it out of all tasks. They are not written for it: no number of theirs names it any more. */
  forgetWorker(worker: LuigiWorker): void {
    for (const task of [...this.#byStakeholder.of(worker.id)])
      this.#assign(task, { stakeholders: without(task.stakeholders, worker.id) })
    for (const task of [...this.#byWorker.of(worker.id)])
      this.#assign(task, { workers: without(task.workers, worker.id) })
    this.#workers.delete(worker.id)
    this.#changes.workers.delete(worker)
    this.#changes.removedWorkers.add(worker)
  }

  /** Takes a worker out of those that can run its tasks. */
  releaseTasks(worker: LuigiWorker): void {
    for (const task of [...this.#byWorker.of(worker.id)])
      this.update(task, { workers: without(task.workers, worker.id) })
  }

  updateSettings(change: Partial<SchedulerSettings>): void {
    this.#settings = { ...this.#settings, ...change }
    this.#changes.settings = true
  }

  /** Numbers from here on are new: a number of before may still be named in the store. */
  reserveNumbers(last: number): void {
    this.#lastNumber = Math.max(this.#lastNumber, last)
  }

  /** What has changed since the last time. */
  takeChanges(): SchedulerChanges {
    const changes = this.#changes
    this.#changes = makeNoChanges()
    return changes
  }
}

const without = (ids: ReadonlySet<string>, id: string): Set<string> => {
  const rest = new Set(ids)
  rest.delete(id)
  return rest
}
