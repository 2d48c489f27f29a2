import type { Fault } from '../fault.ts'

/** Seeds of the simulation with several connections to one file. */
const SEEDS = { seeds: 400, of: 'sqlite' } as const
const CONFORMANCE = { test: 'test/conformance/sqlite.test.ts' }
const PROCESSES = { test: 'test/conformance/sqlite-processes.test.ts' }
const TRANSACTIONS = { test: 'test/conformance/sqlite-transactions.test.ts' }

/** The SQLite adapter: alone, and with another process on the same state. */
export const SQLITE: Fault[] = [
  {
    name: 'records that another process changed stay cached',
    file: 'src/adapters/sqlite/record-cache.ts',
    find: `if (now !== version) forget()`,
    replace: `if (now < 0) forget()`,
    by: SEEDS,
  },
  {
    name: 'a transaction looks at what was known before it began',
    file: 'src/adapters/sqlite/database.ts',
    find: `      // What others committed before this transaction began counts.
      forgetVersion()`,
    replace: ``,
    by: { test: 'test/conformance/sqlite-transactions.test.ts' },
  },
  {
    name: 'a put that found a record says that it was written',
    file: 'src/adapters/sqlite/store.ts',
    find: `if (insert.run(change.key, JSON.stringify(after), readDueAtOrNull(after)).changes === 0) return false`,
    replace: `insert.run(change.key, JSON.stringify(after), readDueAtOrNull(after))`,
    by: SEEDS,
  },
  {
    name: 'events of a transaction that was rolled back are told',
    file: 'src/adapters/sqlite/feed.ts',
    find: `    known = undefined
    unwritten.clear()`,
    replace: `    known = undefined`,
    by: PROCESSES,
  },
  {
    name: 'events of other processes are never looked for',
    file: 'src/adapters/sqlite/feed.ts',
    find: `if (database.foreignVersion() !== version) known = undefined`,
    replace: ``,
    by: PROCESSES,
  },
  {
    name: 'what was remembered of a transaction that was rolled back stays',
    file: 'src/adapters/sqlite/record-cache.ts',
    find: `  database.onRollback(forget)
`,
    replace: ``,
    by: TRANSACTIONS,
  },
  {
    name: 'a failed condition is written all the same',
    file: 'src/adapters/sqlite/store.ts',
    find: `    if (failures.length > 0) return { ok: false, failures }
    changes`,
    replace: `    changes`,
    by: SEEDS,
  },
  {
    name: 'due instants are not kept',
    file: 'src/adapters/sqlite/store.ts',
    find: `else table.update.run(JSON.stringify(after), readDueAtOrNull(after), change.key)`,
    replace: `else table.update.run(JSON.stringify(after), null, change.key)`,
    by: SEEDS,
  },
  {
    name: 'a list goes on beyond its prefix',
    file: 'src/adapters/sqlite/store.ts',
    find: `WHERE key >= ? AND key < ? ORDER BY key LIMIT ?`,
    replace: `WHERE key >= ? OR key < ? ORDER BY key LIMIT ?`,
    by: SEEDS,
  },
  {
    name: 'a message that was taken stays visible',
    file: 'src/adapters/sqlite/queue.ts',
    find: `hide.run(clock.steady() + visibilityMs, id)`,
    replace: `hide.run(clock.steady(), id)`,
    by: SEEDS,
  },
  {
    name: 'an old receipt removes a message that another has by now',
    file: 'src/adapters/sqlite/queue.ts',
    find: `'DELETE FROM message WHERE id = ? AND delivery = ?'`,
    replace: `'DELETE FROM message WHERE id = ? AND delivery >= ?'`,
    by: CONFORMANCE,
  },
  {
    name: 'more attempts are taken than asked for from several pools',
    file: 'src/adapters/sqlite/queue.ts',
    find: `query.limit - taken.length, query))`,
    replace: `query.limit, query))`,
    by: SEEDS,
  },
  {
    name: 'the lowest priority is taken first',
    file: 'src/adapters/sqlite/queue.ts',
    find: `ORDER BY priority DESC, id LIMIT`,
    replace: `ORDER BY priority, id LIMIT`,
    by: SEEDS,
  },
  {
    name: 'acknowledged events come again',
    file: 'src/adapters/sqlite/feed.ts',
    find: `acknowledged = Math.max(acknowledged, written.at(-1)?.sequence ?? 0)`,
    replace: `acknowledged = Math.max(acknowledged, 0)`,
    by: { seeds: 2_000, of: 'sqlite' },
  },
  {
    name: 'two processes follow the feed at once',
    file: 'src/adapters/sqlite/feed.ts',
    find: `if (!isFree && !(await isGone(before.follower))) return false`,
    replace: ``,
    by: SEEDS,
  },
  {
    name: 'a follower handles events that the one before has acknowledged',
    file: 'src/adapters/sqlite/feed.ts',
    find: `return oursUntil === until ? events : oldest(limit)`,
    replace: `return events`,
    by: TRANSACTIONS,
  },
  {
    name: 'a plan overwrites the one that stands',
    file: 'src/adapters/sqlite/plans.ts',
    find: `if (header(run) !== undefined) return false`,
    replace: `if (header(run) !== undefined) return true`,
    by: CONFORMANCE,
  },
  {
    name: 'what was told early stands though its commit failed',
    file: 'src/adapters/sqlite/speculative-transaction.ts',
    find: `if (undone.some(({ isToldEarly }) => isToldEarly)) this.#break(reason)`,
    replace: ``,
    by: TRANSACTIONS,
  },
  {
    name: 'a message that was put back keeps its receipt',
    file: 'src/adapters/sqlite/queue.ts',
    find: `'UPDATE message SET visible_at = ?, delivery = delivery + 1 WHERE id = ?'`,
    replace: `'UPDATE message SET visible_at = ? WHERE id = ?'`,
    by: SEEDS,
  },
]
