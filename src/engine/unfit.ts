import { computeBackOffMs } from '../core/back-off.ts'
import type { Message } from '../core/ports/deciding.ts'

/** Of one run so many messages are remembered; with more the whole run is left to others. */
const MAX_NUMBERS = 1_000
const MAX_RUNS = 1_000
const PUT_BACK = { firstMs: 1_000, longestMs: 5 * 60_000 }

/** What a worker cannot run, by run: these numbers, or all of it. */
export type Unfit = ReadonlyMap<string, ReadonlySet<number> | 'all'>

/** What a worker has learnt that it cannot run, for want of a definition, until definitions are read anew. */
export class UnfitMessages {
  readonly #known = new Map<string, Set<number> | 'all'>()
  /** How often a message of the run has come. */
  readonly #times = new Map<string, number>()

  get known(): Unfit {
    return this.#known
  }

  /**
   * Remembers a message, or its whole run; returns after what delay it is put back, so that queues which cannot
   * leave it out do not give it to this worker again and again. `isNews` says whether its run was not known.
   */
  note({ run, number }: Message, isWholeRun: boolean): { delayMs: number; isNews: boolean } {
    if (this.#known.size >= MAX_RUNS) this.clear()
    const before = this.#known.get(run)
    const isAgain = before === 'all' || before?.has(number) === true
    const isAll = isWholeRun || before === 'all' || (before?.size ?? 0) >= MAX_NUMBERS
    if (isAll) this.#known.set(run, 'all')
    else this.#known.set(run, (before ?? new Set()).add(number))
    const times = isAgain ? (this.#times.get(run) ?? 0) + 1 : 0
    this.#times.set(run, times)
    return { delayMs: computeBackOffMs(PUT_BACK, times), isNews: before === undefined }
  }

  /** Definitions were read anew. */
  clear(): void {
    this.#known.clear()
    this.#times.clear()
  }
}
