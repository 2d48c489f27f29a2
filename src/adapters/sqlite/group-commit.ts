import type { Database } from './database.ts'

/** How much shares one transaction at most, so that other processes get their turn. */
const GROUP = 2_000

interface Waiting {
  work: () => unknown
  resolve: (result: never) => void
  reject: (error: unknown) => void
}

/** Gathers what is asked for in one turn of the event loop; see {@link Database.commit}. */
export function groupCommit(transaction: Database['transaction']) {
  let waiting: Waiting[] = []
  let broken: unknown

  function flush(): void {
    while (waiting.length > 0) flushGroup()
  }

  function flushGroup(): void {
    const group = waiting.slice(0, GROUP)
    waiting = waiting.slice(GROUP)
    try {
      const results = transaction(() => group.map(({ work }) => work()))
      group.forEach(({ resolve }, index) => {
        resolve(results[index] as never)
      })
    } catch (error) {
      for (const { reject } of group) reject(error)
    }
  }

  function onTurn(): void {
    if (waiting.length > GROUP) setImmediate(onTurn)
    if (waiting.length > 0) flushGroup()
  }

  function add(each: Waiting): void {
    if (waiting.length === 0) setImmediate(onTurn)
    waiting.push(each)
  }

  return {
    flush,
    commit: <T>(work: () => T) =>
      new Promise<T>((resolve, reject) => {
        if (broken !== undefined) reject(broken)
        else add({ work, resolve, reject })
      }),
    commitLater(work: () => void) {
      const reject = (error: unknown) => {
        broken = error
      }
      add({ work, resolve() {}, reject })
    },
  }
}
