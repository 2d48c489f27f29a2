/** Why an attempt is asked to stop; it becomes its outcome. */
export type StopReason = 'interrupted' | 'cancelled' | 'lost'

/**
 * Asks an attempt to stop. An `AbortSignal` with a listener does the same and takes ten times the memory, and most attempts are never
 * asked.
 */
export class StopRequest {
  #reason: StopReason | undefined
  #onStop: ((reason: StopReason) => void) | undefined

  /** Why it was made first; undefined while nothing has asked. */
  get reason(): StopReason | undefined {
    return this.#reason
  }

  /** Asks the attempt to stop. A later reason is told as well: what was only asked to stop is ended when its lease is lost. */
  make(reason: StopReason): void {
    this.#reason ??= reason
    this.#onStop?.(reason)
  }

  /** Calls for the request, at once if it has been made. The last call that is given counts; undefined: none. */
  onStop(call: ((reason: StopReason) => void) | undefined): void {
    this.#onStop = call
    if (this.#reason !== undefined) call?.(this.#reason)
  }
}
