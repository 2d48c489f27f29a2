import { TaskGroups, type TaskIndex } from './indexes.ts'
import type { LuigiTask } from './task.ts'

/**
 * Who depends on whom, and of how many of its dependencies a task still waits for. A dependency that is not known counts
 * as one that is not done. `onReadiness` is called before and after a dependency of a task comes to be done or not.
 */
export class DependencyIndex implements TaskIndex {
  readonly fields = ['deps'] as const
  /** The part that follows the status of a task for those that depend on it. */
  readonly completion: TaskIndex = {
    fields: ['status'],
    add: (task) => this.#count(task, -1),
    remove: (task) => this.#count(task, 1),
  }
  readonly #dependants = new TaskGroups()
  readonly #unmet = new Map<LuigiTask, number>()
  readonly #isDone: (id: string) => boolean
  readonly #listener: { before(task: LuigiTask): void; after(task: LuigiTask): void }

  constructor(
    isDone: (id: string) => boolean,
    listener: { before(task: LuigiTask): void; after(task: LuigiTask): void },
  ) {
    this.#isDone = isDone
    this.#listener = listener
  }

  /** The tasks that have a dependency on this id. */
  dependantsOf(id: string): ReadonlySet<LuigiTask> {
    return this.#dependants.of(id)
  }

  /** Whether all dependencies of a task are known and done. */
  isMet(task: LuigiTask): boolean {
    return this.#unmet.get(task) === 0
  }

  add(task: LuigiTask): void {
    let unmet = 0
    for (const id of task.deps) {
      this.#dependants.add(id, task)
      if (!this.#isDone(id)) unmet++
    }
    this.#unmet.set(task, unmet)
  }

  remove(task: LuigiTask): void {
    for (const id of task.deps) this.#dependants.remove(id, task)
    this.#unmet.delete(task)
  }

  #count(task: LuigiTask, step: 1 | -1): void {
    if (task.status !== 'DONE') return
    for (const dependant of this.#dependants.of(task.id)) {
      const unmet = (this.#unmet.get(dependant) ?? 0) + step
      const changes = step === 1 ? unmet === 1 : unmet === 0
      if (changes) this.#listener.before(dependant)
      this.#unmet.set(dependant, unmet)
      if (changes) this.#listener.after(dependant)
    }
  }
}
