const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** What is done with something that is started for it. */
interface Steps<R, T> {
  start(): Promise<string>
  /** Waits until it can be worked with. */
  prepare(id: string): Promise<R>
  /** Works with it on the terminal, whose Ctrl-C is no signal meanwhile. */
  work(ready: R): Promise<T>
  /** Called whatever came between. */
  stop(id: string): Promise<unknown>
}

/**
 * Starts something, works with it, and stops it. Returns undefined if a signal came before the work has ended; one that comes while it
 * starts is heard when it has.
 */
export async function whileStarted<R extends object, T>({
  start,
  prepare,
  work,
  stop,
}: Steps<R, T>): Promise<T | undefined> {
  const signalled = Promise.withResolvers<undefined>()
  let isOnTerminal = false
  const hear = (signal: string) => {
    if (signal !== 'SIGINT' || !isOnTerminal) signalled.resolve(undefined)
  }
  for (const signal of SIGNALS) process.on(signal, hear)
  try {
    const id = await start()
    try {
      const ready = await Promise.race([signalled.promise, prepare(id)])
      if (ready === undefined) return undefined
      isOnTerminal = true
      return await Promise.race([signalled.promise, work(ready)])
    } finally {
      await stop(id)
    }
  } finally {
    for (const signal of SIGNALS) process.off(signal, hear)
  }
}
