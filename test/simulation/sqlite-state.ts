import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Database, openDatabase } from '../../src/adapters/sqlite/database.ts'
import { makeSqliteFeed, type SqliteFeed } from '../../src/adapters/sqlite/feed.ts'
import { makeSqlitePlans } from '../../src/adapters/sqlite/plans.ts'
import { makeSqliteQueue } from '../../src/adapters/sqlite/queue.ts'
import { makeSqliteStore } from '../../src/adapters/sqlite/store.ts'
import type { Change, WriteResult } from '../../src/core/change.ts'
import type { Store, WakeSignal } from '../../src/core/ports/deciding.ts'
import { ModelStore } from './model-store.ts'
import type { Scheduler } from './scheduler.ts'
import type { State } from './state.ts'

/** A host that took events follows the feed for half a lease more at least. */
const FOLLOWS_MS = 2_500

/**
 * A state on SQLite: one file, and a connection for each host, so that the hosts are processes of one machine. Writes are
 * compared with a model of what a store promises, when they are applied. In half of the worlds a host decides at once,
 * in the transaction in which it was told, as the product does; in the others each call of it takes its turn.
 */
export function sqliteState(scheduler: Scheduler, violate: (what: string) => void): State {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-simulation-'))
  const decidesAtOnce = scheduler.random() < 0.5
  const databases: Database[] = []
  const model = new ModelStore(violate)
  const acknowledged = new Set<number>()
  let follower = { host: '', until: 0 }

  /** One host at a time follows the feed, as long as it lives. */
  function watchedFeed(host: string, feed: SqliteFeed): SqliteFeed {
    return {
      ...feed,
      async take(limit) {
        // The lease counts from when it was asked for; the answer may have had to wait.
        const askedAt = scheduler.now
        const events = await feed.take(limit)
        if (events.length === 0) return events
        const { now, dead } = scheduler
        const isOther = follower.host !== host && !dead.has(follower.host) && follower.until > now
        if (isOther) violate(`${host} takes events, which ${follower.host} follows`)
        follower = { host, until: askedAt + FOLLOWS_MS }
        for (const { sequence, key } of events)
          if (acknowledged.has(sequence)) violate(`${host} is told of ${key} again, which was acknowledged`)
        return events
      },
      async acknowledge(events) {
        await feed.acknowledge(events)
        // What was handled before it was committed has no number.
        for (const { sequence } of events) if (sequence > 0) acknowledged.add(sequence)
      },
    }
  }

  return {
    records: model.records,
    isOneMachine: true,
    connect(host, clock, onWrite) {
      const opened = openDatabase(join(folder, 'state.db'))
      databases.push(opened)
      const onApply = (changes: readonly Change[], result: WriteResult) => {
        const before = changes.map(({ key }) => model.records.get(key))
        model.apply(host, changes, result)
        onWrite(host, changes, before, result)
      }
      const { database, asking } = tellingWrites(opened, onApply)
      const wakers = new Map<WakeSignal, Set<() => void>>()
      const sendSignal = (signal: WakeSignal) => {
        for (const wake of wakers.get(signal) ?? []) wake()
      }
      const isGone = async (worker: string) => scheduler.dead.has(worker)
      const feed = makeSqliteFeed(database, host, clock, isGone)
      const store = makeSqliteStore(database, feed, () => sendSignal('events'))
      const queue = makeSqliteQueue(database, host, clock, () => sendSignal('messages'))
      return {
        store: model.compared(host, asking(store)),
        feed: watchedFeed(host, feed),
        queue,
        plans: makeSqlitePlans(database),
        ...(decidesAtOnce && { speculative: { store: asking(store.speculative), queue: queue.speculative } }),
        onWakeSignal(signal, wake) {
          const wakes = wakers.get(signal) ?? new Set()
          wakers.set(signal, wakes.add(wake))
          return () => wakes.delete(wake)
        },
      }
    },
    afterStep() {},
    async close() {
      // What was asked for at once goes on in turns of the event loop.
      for (let turns = 0; turns < 3; turns++) await new Promise((resolve) => setImmediate(resolve))
      for (const database of databases) database.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** A database that tells of each write of a store when it is applied within its transaction, and such a store. */
function tellingWrites(
  database: Database,
  onApply: (changes: readonly Change[], result: WriteResult) => void,
) {
  let wanted: { changes: readonly Change[]; isEach: boolean } | undefined
  const told =
    (ask: Database['commit']): Database['commit'] =>
    (work) => {
      const mine = wanted
      wanted = undefined
      if (mine === undefined) return ask(work)
      return ask(() => {
        const result = work()
        if (mine.isEach)
          mine.changes.forEach((change, index) => {
            onApply([change], (result as WriteResult[])[index] as WriteResult)
          })
        else onApply(mine.changes, result as WriteResult)
        return result
      })
    }
  const asking = ({ writeEach, ...store }: Store): Store => ({
    ...store,
    write(changes) {
      wanted = { changes, isEach: false }
      return store.write(changes)
    },
    ...(writeEach && {
      writeEach(changes) {
        wanted = { changes, isEach: true }
        return writeEach(changes)
      },
    }),
  })
  return { database: { ...database, commit: told(database.commit), apply: told(database.apply) }, asking }
}
