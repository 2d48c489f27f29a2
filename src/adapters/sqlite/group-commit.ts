import { BUSY_PAUSE_MS, type Patience } from './patience.ts'

/** How much shares one transaction at most, so that other processes get their turn. */
const GROUP = 2_000
/** How often what was written is reacted to within its transaction; a task's end takes four rounds to start the next. */
const ROUNDS = 8

/** The ends of a transaction. */
export interface TransactionSteps extends Pick<Patience, 'mayTryAgain' | 'insist'> {
  begin(): void
  commit(): void
  rollback(): void
  /** An error as it is told. */
  explain(error: unknown): unknown
}

interface Waiting {
  work: () => unknown
  /** Tells what the work returned; at once, or when it is committed. */
  resolve: (result: never) => void
  reject: (error: unknown) => void
  isToldAtOnce: boolean
}

/**
 * Gathers what is asked for in one turn of the event loop, and what this process asks for in reaction to it, in one
 * transaction; see {@link Database.commit} and {@link Database.apply}.
 */
export function groupCommit(steps: TransactionSteps) {
  const { begin, commit, rollback, explain } = steps
  const waiting: Waiting[] = []
  let applied: { each: Waiting; result: unknown }[] = []
  let open: PromiseWithResolvers<void> | undefined
  let rounds = 0
  let broken: unknown

  function applyWaiting(): void {
    rounds++
    for (const each of waiting.splice(0, GROUP - applied.length)) {
      const told = { each, result: undefined as unknown }
      applied.push(told)
      told.result = each.work()
      if (each.isToldAtOnce) each.resolve(told.result as never)
    }
  }

  function finish(): void {
    commit()
    const done = close()
    for (const { each, result } of done) if (!each.isToldAtOnce) each.resolve(result as never)
    if (waiting.length > 0) setImmediate(onTurn)
  }

  /** What was told too early is wrong now, so that nothing may be built on it. */
  function fail(error: unknown): void {
    const isBegun = open !== undefined
    rollback()
    const reason = explain(error)
    const undone = close().map(({ each }) => each)
    if (undone.some(({ isToldAtOnce }) => isToldAtOnce)) broken = reason
    const refused = isBegun && broken === undefined ? [] : waiting.splice(0)
    for (const each of [...undone, ...refused]) each.reject(reason)
    if (waiting.length > 0) setImmediate(onTurn)
  }

  function close(): typeof applied {
    const all = applied
    applied = []
    rounds = 0
    open?.resolve()
    open = undefined
    return all
  }

  /** Failing is told to whoever asked for what failed. */
  function orFail(step: () => void): void {
    try {
      step()
    } catch (error) {
      fail(error)
    }
  }

  function start(): void {
    open = Promise.withResolvers()
    applyWaiting()
  }

  /** While another process has the state locked, this one tries again, and is not blocked between two tries. */
  function onTurn(): void {
    if (open !== undefined || waiting.length === 0) return
    try {
      begin()
    } catch (error) {
      if (steps.mayTryAgain(error)) setTimeout(onTurn, BUSY_PAUSE_MS)
      else fail(error)
      return
    }
    orFail(start)
    afterReactions(react)
  }

  function react(): void {
    if (open === undefined) return
    const isFull = rounds >= ROUNDS || applied.length >= GROUP
    if (waiting.length === 0 || isFull) orFail(finish)
    else {
      orFail(applyWaiting)
      afterReactions(react)
    }
  }

  function add(each: Waiting): void {
    if (broken !== undefined) each.reject(broken)
    else {
      if (open === undefined && waiting.length === 0) setImmediate(onTurn)
      waiting.push(each)
    }
  }

  const ask = <T>(work: () => T, isToldAtOnce: boolean) =>
    new Promise<T>((resolve, reject) => add({ work, resolve, reject, isToldAtOnce }))

  return {
    commit: <T>(work: () => T) => ask(work, false),
    apply: <T>(work: () => T) => ask(work, true),
    /** Resolves when no transaction is open, whatever became of it. */
    settled: () => open?.promise,
    /** Ends the open transaction at once. */
    settle(): void {
      if (open !== undefined) orFail(finish)
    },
    /** Writes and commits everything that was asked for at once. */
    flush(): void {
      this.settle()
      while (waiting.length > 0) {
        orFail(() => {
          steps.insist(begin)
          start()
        })
        this.settle()
      }
    },
  }
}

/** Calls after all that is ready to go on has gone on: behind the microtasks, before the next turn of the event loop. */
export function afterReactions(call: () => void): void {
  queueMicrotask(() => process.nextTick(call))
}
