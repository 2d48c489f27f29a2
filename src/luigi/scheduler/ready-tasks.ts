import type { TaskIndex } from './indexes.ts'
import { RankedList } from './ranked-list.ts'
import { compareRank, type LuigiTask, type Resources } from './task.ts'

/** Tasks that can start and need the same amounts of the same resources. */
export interface ReadyGroup {
  readonly resources: Resources
  /** Lists by who may run them, see {@link listKeys}. */
  readonly lists: ReadonlyMap<string, RankedList<LuigiTask>>
}

/** The key of the list of what a worker may run. */
export const makeWorkerKey = (worker: string): string => `worker:${worker}`
/** The key of the list of what any assistant may run. */
export const RUNNABLE_KEY = 'runnable'
/** The key of the list of all tasks, also of those that nobody can run. */
export const ALL_KEY = 'all'
/** The key of the list of tasks of a family that can be in a batch. */
export const makeFamilyKey = (family: string): string => `family:${family}`

/** The group of tasks that need no resource. */
export const NO_RESOURCES = '[]'

/**
 * The tasks that can start now: pending, and all that they depend on is known and done. They are in groups by their
 * resources, because of one group either all tasks fit or none, and within a group in lists by rank.
 */
export class ReadyTasks implements TaskIndex {
  readonly fields = [
    'status',
    'deps',
    'priority',
    'workers',
    'resources',
    'runnable',
    'batchable',
    'family',
  ] as const
  readonly #groups = new Map<string, { resources: Resources; lists: Map<string, RankedList<LuigiTask>> }>()
  readonly #isMet: (task: LuigiTask) => boolean

  constructor(isMet: (task: LuigiTask) => boolean) {
    this.#isMet = isMet
  }

  groups(): Iterable<ReadyGroup> {
    return this.#groups.values()
  }

  /** The first task without resources that this worker may run. */
  firstOf(worker: string): LuigiTask | undefined {
    return this.#groups.get(NO_RESOURCES)?.lists.get(makeWorkerKey(worker))?.first()
  }

  /** Tasks that may be in one batch with this one, by rank, from its own place on. */
  batchFrom(task: LuigiTask): Iterable<LuigiTask> {
    const group = this.#groups.get(makeResourcesKey(task.resources))
    return group?.lists.get(makeFamilyKey(task.family))?.from(task) ?? []
  }

  add(task: LuigiTask): void {
    if (!this.#isReady(task)) return
    const key = makeResourcesKey(task.resources)
    let group = this.#groups.get(key)
    if (group === undefined) {
      group = { resources: task.resources, lists: new Map() }
      this.#groups.set(key, group)
    }
    for (const name of listKeys(task)) {
      let list = group.lists.get(name)
      if (list === undefined) {
        list = new RankedList(compareRank)
        group.lists.set(name, list)
      }
      list.add(task)
    }
  }

  remove(task: LuigiTask): void {
    if (!this.#isReady(task)) return
    const key = makeResourcesKey(task.resources)
    const group = this.#groups.get(key)
    for (const name of listKeys(task)) {
      const list = group?.lists.get(name)
      list?.remove(task)
      if (list?.isEmpty) group?.lists.delete(name)
    }
    if (group?.lists.size === 0) this.#groups.delete(key)
  }

  #isReady(task: LuigiTask): boolean {
    return task.status === 'PENDING' && this.#isMet(task)
  }
}

function* listKeys(task: LuigiTask): Generator<string> {
  yield ALL_KEY
  for (const worker of task.workers) yield makeWorkerKey(worker)
  if (task.runnable) yield RUNNABLE_KEY
  if (task.batchable) yield makeFamilyKey(task.family)
}

/** The same for the same amounts, in whatever order they were sent. */
export function makeResourcesKey(resources: Resources): string {
  const amounts = Object.entries(resources)
  if (amounts.length === 0) return NO_RESOURCES
  return JSON.stringify(amounts.sort(([a], [b]) => (a < b ? -1 : 1)))
}
