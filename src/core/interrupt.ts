/**
 * What ends the waits of a loop early: that the loop is to stop, or that something failed. `Promise.race` with a promise that
 * stays open would keep about 300 bytes for every wait until then (measured with Node 24), and a loop waits every second for weeks.
 */
export class Interrupt {
  readonly #waits = new Set<PromiseWithResolvers<void>>()
  #end: ((wait: PromiseWithResolvers<void>) => void) | undefined

  /** Waits for a promise; resolves early if this ends, and rejects early if this fails. */
  wait(promise: Promise<unknown>): Promise<void> {
    const wait = Promise.withResolvers<void>()
    if (this.#end === undefined) this.#waits.add(wait)
    else this.#end(wait)
    const settle = (call: () => void) => {
      this.#waits.delete(wait)
      call()
    }
    promise.then(
      () => settle(wait.resolve),
      (error) => settle(() => wait.reject(error)),
    )
    return wait.promise
  }

  /** Ends all waits, and those to come. */
  end(): void {
    this.#endWith(({ resolve }) => resolve())
  }

  /** Rejects all waits, and those to come. Only the first end or failure counts. */
  fail(error: unknown): void {
    this.#endWith(({ reject }) => reject(error))
  }

  #endWith(end: (wait: PromiseWithResolvers<void>) => void): void {
    if (this.#end !== undefined) return
    this.#end = end
    for (const wait of this.#waits) end(wait)
    this.#waits.clear()
  }
}
