import type { LuigiTask, TaskFields, TaskStatus } from './task.ts'

/** A view of all tasks that is kept up to date: it forgets a task before a change of these fields, and takes it after. */
export interface TaskIndex {
  readonly fields: readonly (keyof TaskFields)[]
  add(task: LuigiTask): void
  remove(task: LuigiTask): void
}

/** Tasks by keys; a key without tasks takes no memory. */
export class TaskGroups {
  readonly #groups = new Map<string, Set<LuigiTask>>()

  of(key: string): ReadonlySet<LuigiTask> {
    return this.#groups.get(key) ?? NO_TASKS
  }

  add(key: string, task: LuigiTask): void {
    const group = this.#groups.get(key)
    if (group === undefined) this.#groups.set(key, new Set([task]))
    else group.add(task)
  }

  remove(key: string, task: LuigiTask): void {
    const group = this.#groups.get(key)
    group?.delete(task)
    if (group?.size === 0) this.#groups.delete(key)
  }
}

const NO_TASKS: ReadonlySet<LuigiTask> = new Set()

/** Tasks by some of their fields. */
export class GroupIndex implements TaskIndex {
  readonly fields: readonly (keyof TaskFields)[]
  readonly #keysOf: (task: LuigiTask) => Iterable<string>
  readonly #groups = new TaskGroups()

  constructor(fields: readonly (keyof TaskFields)[], keysOf: (task: LuigiTask) => Iterable<string>) {
    this.fields = fields
    this.#keysOf = keysOf
  }

  of(key: string): ReadonlySet<LuigiTask> {
    return this.#groups.of(key)
  }

  add(task: LuigiTask): void {
    for (const key of this.#keysOf(task)) this.#groups.add(key, task)
  }

  remove(task: LuigiTask): void {
    for (const key of this.#keysOf(task)) this.#groups.remove(key, task)
  }
}

/** Tasks by their status. */
export class StatusIndex extends GroupIndex {
  constructor() {
    super(['status'], ({ status }) => [status])
  }

  withStatus(status: TaskStatus): ReadonlySet<LuigiTask> {
    return this.of(status)
  }
}
