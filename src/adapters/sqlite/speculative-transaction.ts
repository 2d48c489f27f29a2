import { BUSY_PAUSE_MS, type Patience } from './patience.ts'

/*
 * The speculative transaction: one write transaction that stays open while this process reacts to what was just written
 * in it, so that a change and all that follows from it at once are one commit.
 *
 * Owns: the work that was asked for, the open transaction, and the promises of both. Nothing else begins or ends a
 * transaction between two turns of the event loop.
 * Is told: work by the store, queue, feed and plans of this process (`commit`, `apply`); to end at once by the database
 * (`settle`, `flush`).
 *
 * States:
 *   idle       nothing is asked for
 *   scheduled  work is asked for; the next turn of the event loop begins a transaction, or tries again if another
 *              process has the state locked
 *   open       the transaction has begun and work is applied, in rounds: each reaction may ask for more
 *   broken     a result was told early and its commit failed; for ever
 *
 * Invariants:
 * 1. Work is applied in the order in which it was asked for.
 * 2. The result of `commit` is told after the commit. The result of `apply` is told at once; what this process
 *    builds on it is asked for later, so it is in the same transaction or in a later one.
 * 3. A transaction that fails writes nothing, and rejects all work that was applied in it.
 * 4. If a transaction fails in which a result was told early, everything asked for from then on is rejected: what was
 *    built on that result may be wrong.
 * 5. A transaction ends after ROUNDS rounds or GROUP pieces of work, so that other processes get their turn.
 * 6. Between two tries to begin, this process is not blocked.
 */

/** How much work shares one transaction at most. */
const GROUP = 2_000
/** How often what was written is reacted to within its transaction; a task's end takes four rounds to start the next. */
const ROUNDS = 8

/** The ends of a transaction. */
export interface TransactionSteps extends Pick<Patience, 'mayTryAgain' | 'insist'> {
  begin(): void
  commit(): void
  rollback(): void
  /** An error as a person is told. */
  explain(error: unknown): unknown
}

interface Work {
  apply: () => unknown
  resolve: (result: never) => void
  reject: (error: unknown) => void
  /** The result is told before the commit. */
  isToldEarly: boolean
}

/** Work of the open transaction, with what it returned. */
interface Applied {
  work: Work
  result: unknown
}

/** See the head of this file. */
export class SpeculativeTransaction {
  readonly #steps: TransactionSteps
  #state: 'idle' | 'scheduled' | 'open' | 'broken' = 'idle'
  readonly #asked: Work[] = []
  #applied: Applied[] = []
  #rounds = 0
  /** Resolves when the open transaction has ended. */
  #ended = Promise.withResolvers<void>()
  /** Why the state is broken. */
  #reason: unknown

  constructor(steps: TransactionSteps) {
    this.#steps = steps
  }

  /** Applies work in the next transaction and returns its result once it is committed. */
  commit<T>(work: () => T): Promise<T> {
    return this.#ask(work, false)
  }

  /** Applies work in the next transaction and returns its result at once. */
  apply<T>(work: () => T): Promise<T> {
    return this.#ask(work, true)
  }

  /** Resolves when the open transaction has ended, in whatever way; undefined if none is open. */
  settled(): Promise<void> | undefined {
    return this.#state === 'open' ? this.#ended.promise : undefined
  }

  /** Commits the open transaction now. */
  settle(): void {
    if (this.#state === 'open') this.#orFail(() => this.#finish())
  }

  /** Applies and commits now everything that was asked for; waits for other processes, and blocks this one meanwhile. */
  flush(): void {
    this.settle()
    while (this.#asked.length > 0) {
      this.#orFail(() => {
        this.#steps.insist(() => this.#steps.begin())
        this.#open()
      })
      this.settle()
    }
  }

  #ask<T>(apply: () => T, isToldEarly: boolean): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#state === 'broken') return reject(this.#reason)
      this.#asked.push({ apply, resolve, reject, isToldEarly })
      if (this.#state === 'idle') this.#schedule()
    })
  }

  #schedule(): void {
    this.#state = 'scheduled'
    setImmediate(() => this.#begin())
  }

  #begin(): void {
    if (this.#state !== 'scheduled') return
    try {
      this.#steps.begin()
    } catch (error) {
      if (this.#steps.mayTryAgain(error)) setTimeout(() => this.#begin(), BUSY_PAUSE_MS)
      else this.#fail(error)
      return
    }
    this.#orFail(() => this.#open())
    callAfterReactions(() => this.#react())
  }

  #open(): void {
    this.#state = 'open'
    this.#ended = Promise.withResolvers()
    this.#applyAsked()
  }

  #react(): void {
    if (this.#state !== 'open') return
    const isFull = this.#rounds >= ROUNDS || this.#applied.length >= GROUP
    if (this.#asked.length === 0 || isFull) this.#orFail(() => this.#finish())
    else {
      this.#orFail(() => this.#applyAsked())
      callAfterReactions(() => this.#react())
    }
  }

  #applyAsked(): void {
    this.#rounds++
    for (const work of this.#asked.splice(0, GROUP - this.#applied.length)) {
      const done: Applied = { work, result: undefined }
      this.#applied.push(done)
      done.result = work.apply()
      if (work.isToldEarly) work.resolve(done.result as never)
    }
  }

  #finish(): void {
    this.#steps.commit()
    for (const { work, result } of this.#close()) if (!work.isToldEarly) work.resolve(result as never)
    this.#scheduleRest()
  }

  #fail(error: unknown): void {
    const isBegun = this.#state === 'open'
    this.#steps.rollback()
    const reason = this.#steps.explain(error)
    const undone = this.#close().map(({ work }) => work)
    if (undone.some(({ isToldEarly }) => isToldEarly)) this.#break(reason)
    // Work that no transaction could begin for has no other chance; other work has the next transaction.
    const refused = isBegun && this.#state !== 'broken' ? [] : this.#asked.splice(0)
    for (const work of [...undone, ...refused]) work.reject(reason)
    this.#scheduleRest()
  }

  #break(reason: unknown): void {
    this.#state = 'broken'
    this.#reason = reason
  }

  /** Returns the work of the transaction that has ended. */
  #close(): { work: Work; result: unknown }[] {
    const all = this.#applied
    this.#applied = []
    this.#rounds = 0
    this.#ended.resolve()
    this.#state = 'idle'
    return all
  }

  #scheduleRest(): void {
    if (this.#state === 'idle' && this.#asked.length > 0) this.#schedule()
  }

  #orFail(step: () => void): void {
    try {
      step()
    } catch (error) {
      this.#fail(error)
    }
  }
}

/** Calls after all that is ready to go on has gone on: behind the microtasks, before the next turn of the event loop. */
export function callAfterReactions(call: () => void): void {
  queueMicrotask(() => process.nextTick(call))
}
