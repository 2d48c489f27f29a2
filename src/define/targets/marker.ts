import type { Json } from '../../core/json.ts'
import type { Target } from './target.ts'

/** Reads the markers of tasks that produce nothing else. */
export interface Markers {
  /** For each task id the marker's result, or undefined if there is none. */
  read(taskIds: string[]): Promise<({ result: Json } | undefined)[]>
}

/** Begins the URI of a marker; its task's id follows. */
export const MARKER_URI = 'marker:'

/** The target of a task without `output`: kept with the state, it holds the small JSON result of the body. */
export class MarkerTarget<Result> implements Target {
  readonly #taskId: string
  readonly #markers: Markers

  constructor(taskId: string, markers: Markers) {
    this.#taskId = taskId
    this.#markers = markers
  }

  get uri(): string {
    return `${MARKER_URI}${this.#taskId}`
  }

  async exists(): Promise<boolean> {
    return (await this.#markers.read([this.#taskId]))[0] !== undefined
  }

  async existsMany(targets: readonly Target[]): Promise<boolean[]> {
    const ids = targets.map((target) => (target as MarkerTarget<unknown>).#taskId)
    return (await this.#markers.read(ids)).map((marker) => marker !== undefined)
  }

  /** What the body returned. */
  async read(): Promise<Result> {
    const [marker] = await this.#markers.read([this.#taskId])
    return marker?.result as Result
  }
}
