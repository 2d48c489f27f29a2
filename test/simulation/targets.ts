import type { FoundTask } from '../../src/core/graph.ts'
import { uriOf } from './project.ts'

/** What is in a target: which task wrote it, and whether all of it is there. */
interface Content {
  by: string
  isWhole: boolean
}

/** The targets that really exist, whatever the records say of them. */
export class Targets {
  readonly #contents = new Map<string, Content>()
  readonly #uris: ReadonlyMap<string, string>
  readonly #violate: (what: string) => void

  /** `uris` has those of tasks whose targets are not in a place of their own. */
  constructor(uris: ReadonlyMap<string, string>, violate: (what: string) => void) {
    this.#uris = uris
    this.#violate = violate
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
    this.#put(taskId, true)
  }

  /** A body that writes its target itself has begun to. */
  writeHalf(taskId: string): void {
    this.#put(taskId, false)
  }

  /** Each target has one maker. */
  #put(taskId: string, isWhole: boolean): void {
    const uri = this.#uriOf(taskId)
    const before = this.#contents.get(uri)?.by ?? taskId
    if (before !== taskId) this.#violate(`${taskId} writes ${uri}, which ${before} has made`)
    this.#contents.set(uri, { by: taskId, isWhole })
  }

  #uriOf(taskId: string): string {
    return this.#uris.get(taskId) ?? uriOf(taskId)
  }
}
