import type { FoundTask } from '../../src/core/graph.ts'

/** What is in a target: which task wrote it, and whether all of it is there. */
interface Content {
  by: string
  isWhole: boolean
}

/** The targets that really exist, whatever the records say of them. */
export class Targets {
  readonly #contents = new Map<string, Content>()
  readonly #uriOf: (taskId: string) => string

  constructor(uriOf: (taskId: string) => string) {
    this.#uriOf = uriOf
  }

  /** Whether anything is in the target of a task, as a planner that looks at it sees. */
  exists({ id }: Pick<FoundTask, 'id'>): boolean {
    return this.#contents.has(this.#uriOf(id))
  }

  /** Whether the target of a task holds what this task makes, all of it. */
  isWhole(taskId: string): boolean {
    const content = this.#contents.get(this.#uriOf(taskId))
    return content?.by === taskId && content.isWhole
  }

  /** A body has published, or another system has made the target of an external task. */
  write(taskId: string): void {
    this.#contents.set(this.#uriOf(taskId), { by: taskId, isWhole: true })
  }

  /** A body that writes its target itself has begun to. */
  writeHalf(taskId: string): void {
    this.#contents.set(this.#uriOf(taskId), { by: taskId, isWhole: false })
  }
}
