import { join } from 'node:path'
import { openDatabase } from '../../src/adapters/sqlite/database.ts'
import { makeSqliteFeed } from '../../src/adapters/sqlite/feed.ts'
import { makeSqlitePlans } from '../../src/adapters/sqlite/plans.ts'
import { makeSqliteQueue } from '../../src/adapters/sqlite/queue.ts'
import { makeSqliteStore } from '../../src/adapters/sqlite/store.ts'
import type { Change } from '../../src/core/change.ts'
import type { Key } from '../../src/core/keys.ts'
import type { PlannedTask } from '../../src/core/plan.ts'
import type { Delivery, FeedEvent, MessageQuery, OutgoingMessage } from '../../src/core/ports/deciding.ts'

/** What a process on a state is asked to do. */
export type Ask =
  | { do: 'read'; keys: Key[] }
  | { do: 'write'; changes: Change[] }
  /** Writes, each on its own; `apart` asks for each in a call of its own. */
  | { do: 'writeEach'; changes: Change[] }
  | { do: 'list'; prefix: Key }
  | { do: 'due'; before: number }
  /** Writes together with something that fails, so that the transaction is rolled back. */
  | { do: 'fail'; changes: Change[] }
  | { do: 'feed'; limit: number }
  | { do: 'acknowledgeFeed'; events: FeedEvent[] }
  | { do: 'send'; messages: OutgoingMessage[] }
  | { do: 'take'; query: MessageQuery }
  | { do: 'acknowledge'; deliveries: Delivery[] }
  | { do: 'extend'; run: string; base: number; tasks: PlannedTask[] }
  | { do: 'plan'; run: string; numbers: number[] }

/** A process of its own on a state: `sqlite-peer.ts FOLDER NAME`; it answers what it is sent. */
const [, , folder = '', name = ''] = process.argv
let now = 0
const clock = {
  now: () => now,
  steady: () => now,
  sleep: async () => {},
  listen: () => async () => {},
}
const database = openDatabase(join(folder, 'state.db'))
const feed = makeSqliteFeed(database, name, clock, async () => false)
const store = makeSqliteStore(database, feed)
const queue = makeSqliteQueue(database, name, clock)
const plans = makeSqlitePlans(database)

async function perform(ask: Ask): Promise<unknown> {
  switch (ask.do) {
    case 'read':
      return store.read(ask.keys)
    case 'write':
      return store.write(ask.changes)
    case 'writeEach':
      return store.writeEach?.(ask.changes)
    case 'list':
      return store.list({ prefix: ask.prefix, consistency: 'strong' })
    case 'due':
      return store.due({ before: ask.before, limit: 1_000 })
    case 'fail':
      return failing(ask.changes)
    case 'feed':
      return feed.take(ask.limit)
    case 'acknowledgeFeed':
      return feed.acknowledge(ask.events)
    case 'send':
      return queue.send(ask.messages)
    case 'take':
      return queue.take(ask.query)
    case 'acknowledge':
      return queue.acknowledge(ask.deliveries)
    case 'extend':
      return plans.extend(ask.run, ask.base, ask.tasks)
    case 'plan':
      return plans.tasks(ask.run, ask.numbers)
  }
}

/** Both are asked for in one turn, so that they share a transaction. */
async function failing(changes: Change[]): Promise<string> {
  const written = store.write(changes)
  const failed = database.commit(() => {
    throw new Error('rolled back')
  })
  const results = await Promise.allSettled([written, failed])
  return results.map(({ status }) => status).join(' ')
}

process.on('message', async ({ ask, at }: { ask: Ask; at: number }) => {
  now = at
  try {
    process.send?.({ answer: (await perform(ask)) ?? null })
  } catch (error) {
    process.send?.({ error: String(error) })
  }
})
process.on('disconnect', () => process.exit())
process.send?.('ready')
