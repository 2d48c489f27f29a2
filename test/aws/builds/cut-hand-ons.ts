import { AsyncLocalStorage } from 'node:async_hooks'
import { appendFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Build, WrappedPorts } from '../../../src/homes/aws/build.ts'
import { BUILD as TEST } from './test.ts'

/** Functions of the emulator run on this machine: a line for each cut, with the effect at which it came. */
const CUTS = join(tmpdir(), 'sluice-test-cuts')
/** How often a read is where the cut comes; the first write always is. */
const READS_CUT = 0.2

/**
 * What goes on from the look at a plan's header. It is a hand-on once it reads records that may be old, which nothing else does in a
 * function or container of a pool.
 */
const follows = new AsyncLocalStorage<{ isHandOn: boolean }>()

/** A request of a hand-on may be its last one. */
function around<A extends unknown[], R>(what: string, cuts: number, request: (...args: A) => Promise<R>) {
  return async (...args: A): Promise<R> => {
    if (follows.getStore()?.isHandOn !== true || Math.random() >= cuts) return request(...args)
    if (Math.random() < 0.5) cut(`before ${what}`)
    await request(...args)
    return cut(`after ${what}`)
  }
}

function cut(where: string): never {
  appendFileSync(CUTS, `${where}\n`)
  throw new Error(`this hand-on is cut ${where}`)
}

/** Every hand-on that finds something ready is cut: at the latest before or after its first write. */
function cutHandOns<P extends WrappedPorts>({ store, plans, queue, ...rest }: P): P {
  const { readStale, writeEach } = store
  const readStaleOrCut = readStale && around('a stale read', READS_CUT, readStale)
  return {
    ...rest,
    queue,
    plans: {
      ...plans,
      tasks: around('a look at the plan', READS_CUT, plans.tasks),
      header(run) {
        // Before anything is awaited, so that it is the caller who goes on with this.
        follows.enterWith({ isHandOn: false })
        return plans.header(run)
      },
    },
    store: {
      ...store,
      read: around('a read', READS_CUT, store.read),
      write: around('a write', 1, store.write),
      ...(writeEach && { writeEach: around('a write', 1, writeEach) }),
      ...(readStaleOrCut && {
        readStale(wanted) {
          const state = follows.getStore()
          if (state !== undefined && process.env.SLUICE_POOL !== undefined) state.isHandOn = true
          return readStaleOrCut(wanted)
        },
      }),
    },
  } as P
}

/** A deployment that hands on, but whose every hand-on ends in the middle. */
export const BUILD: Build = { ...TEST, wrapPorts: (ports) => cutHandOns(TEST.wrapPorts(ports)) }
