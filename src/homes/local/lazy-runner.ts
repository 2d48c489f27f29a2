import type { Runner } from '../../core/ports/working.ts'

/** A runner that is loaded with the first attempt it runs. */
export interface LazyRunner extends Runner {
  /** What attempts have left that cannot go on is ended; loads the runner, so it is called only if there may be some. */
  endAbandoned: NonNullable<Runner['endAbandoned']>
  /** Whether it has been loaded. */
  isLoaded(): boolean
}

/** Makes a runner that `load` loads at its first use: most commands only look, and most runs have tasks of one kind. */
export function makeLazyRunner(load: () => Promise<Runner>): LazyRunner {
  let loading: Promise<Runner> | undefined
  let runner: Runner | undefined
  const open = async () => {
    loading ??= load()
    runner ??= await loading
    return runner
  }
  return {
    run: (job, hooks) => runner?.run(job, hooks) ?? open().then((opened) => opened.run(job, hooks)),
    // Until it is loaded nothing runs whose lease could be extended.
    extendLease: (nonce, leaseMs) => runner?.extendLease(nonce, leaseMs),
    renew: () => runner?.renew?.(),
    endAbandoned: async (isOpen) => (await open()).endAbandoned?.(isOpen),
    close: async () => (await loading)?.close(),
    isLoaded: () => loading !== undefined,
  }
}
