import type { Batcher, WorkerBatchers } from './worker.ts'

/** Of so many workers batchers are kept; those of workers that are gone are forgotten first, the oldest before the others. */
const MAX_WORKERS = 1_000

/** How workers put tasks of a family together. */
export class BatcherRegistry {
  readonly #nextNumber: () => number
  readonly #isKnown: (worker: string) => boolean
  readonly #byWorker = new Map<string, WorkerBatchers>()
  #changed = new Set<WorkerBatchers>()
  #removed = new Set<WorkerBatchers>()

  constructor(nextNumber: () => number, isKnown: (worker: string) => boolean) {
    this.#nextNumber = nextNumber
    this.#isKnown = isKnown
  }

  /** How a worker puts tasks of a family together; undefined if it does not. */
  find(worker: string, family: string): Batcher | undefined {
    const families = this.#byWorker.get(worker)?.families ?? {}
    return Object.hasOwn(families, family) ? families[family] : undefined
  }

  set(worker: string, family: string, batcher: Batcher): void {
    const known = this.#byWorker.get(worker) ?? { worker, number: this.#nextNumber(), families: {} }
    const batchers = { ...known, families: { ...known.families, [family]: batcher } }
    this.restore(batchers)
    this.#changed.add(batchers)
    if (this.#byWorker.size > MAX_WORKERS) this.#forgetOldest(worker)
  }

  /** Takes batchers as they were kept. */
  restore(batchers: WorkerBatchers): void {
    this.#byWorker.set(batchers.worker, batchers)
  }

  /** What has changed since the last time, and what is forgotten. */
  takeChanges(): { changed: Set<WorkerBatchers>; removed: Set<WorkerBatchers> } {
    const changes = { changed: this.#changed, removed: this.#removed }
    this.#changed = new Set()
    this.#removed = new Set()
    return changes
  }

  #forgetOldest(except: string): void {
    for (const each of this.#byWorker.values()) {
      if (each.worker === except || this.#isKnown(each.worker)) continue
      this.#byWorker.delete(each.worker)
      this.#removed.add(each)
      return
    }
  }
}
