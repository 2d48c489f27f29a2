import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { describe, it, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { makeMemoryRecords } from '../../src/adapters/memory/records.ts'
import { type Change, isCarriedByFeed, type Stored } from '../../src/core/change.ts'
import { keys } from '../../src/core/keys.ts'
import type { Delivery, FeedEvent, Message } from '../../src/core/ports/deciding.ts'
import type { TaskRun } from '../../src/core/records/task-run.ts'
import { temporaryFolder } from '../support/folders.ts'
import { taskRun } from '../support/records.ts'
import type { Ask } from '../support/sqlite-peer.ts'

const PEER = fileURLToPath(new URL('../support/sqlite-peer.ts', import.meta.url))
const SEEDS = [1, 2, 3, 4]
const STEPS = 200
const RECORDS = 6
/** The lease of the feed, and time for the next one. */
const FEED_LEASE_MS = 6_000
const BEGIN = Date.UTC(2026, 0, 1)

/** A number from 0 up to 1, the same for the same seed (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

interface Peer {
  // biome-ignore lint/suspicious/noExplicitAny: what a port answers, as JSON has it
  ask(ask: Ask): Promise<any>
}

/** Real processes on one state, with a clock that the test moves. */
async function startPeers(test: TestContext, names: string[]) {
  const folder = temporaryFolder(test)
  const time = { now: BEGIN }
  const start = async (name: string): Promise<Peer> => {
    const child = fork(PEER, [folder, name], { execArgv: [] })
    test.after(() => child.kill('SIGKILL'))
    await once(child, 'message')
    return {
      async ask(ask) {
        const answer = once(child, 'message')
        child.send({ ask, at: time.now })
        const [told] = await answer
        assert.equal(told.error, undefined)
        return told.answer
      },
    }
  }
  const peers: Peer[] = []
  for (const name of names) peers.push(await start(name))
  return { peers, time }
}

/** JSON has no undefined. */
const asJson = (value: unknown) => JSON.parse(JSON.stringify(value ?? null))

/** What a state with several processes has to say, kept by one adapter in memory. */
function reference() {
  const { store, records } = makeMemoryRecords()
  /** How often each record has changed so that the feed has to tell of it. */
  const owed = new Map<string, number>()
  const changed = async <T>(keysOf: string[], write: () => Promise<T>): Promise<T> => {
    const before = keysOf.map((key) => records.get(key) as Stored | undefined)
    const result = await write()
    keysOf.forEach((key, index) => {
      const after = records.get(key) as Stored | undefined
      if (after !== before[index] && isCarriedByFeed(before[index], after))
        owed.set(key, (owed.get(key) ?? 0) + 1)
    })
    return result
  }
  return { store, owed, changed }
}

/** One seed: the processes take turns at random, and each answer is that of the reference. */
async function alternate(test: TestContext, seed: number): Promise<void> {
  const { peers, time } = await startPeers(test, ['one', 'two'])
  const { store, owed, changed } = reference()
  const random = seeded(seed)
  const below = (count: number) => Math.floor(random() * count)
  const pick = <T>(list: readonly T[]) => list[below(list.length)] as T
  const key = () => keys.taskRun('r-1', below(RECORDS))
  const told = new Map<string, number>()
  const sent = new Set<string>()
  const taken: Delivery[] = []
  let messages = 0

  const change = async (): Promise<Change> => {
    const wanted = key()
    const [stands] = (await store.read([wanted])) as [Stored<TaskRun>?]
    // Now and then what was read before another process wrote.
    const version = (stands?.version ?? 0) - (random() < 0.3 ? 1 : 0)
    const status = pick(['pending', 'queued', 'running', 'waiting', 'succeeded'] as const)
    const more = random() < 0.3 ? { dueAt: time.now + below(1_000) } : {}
    return pick<() => Change>([
      () => ({ key: wanted, put: taskRun({ number: Number(wanted.slice(-8)), status }), if: 'absent' }),
      () => ({ key: wanted, set: { status, ...more, priority: below(3) }, if: { version } }),
      () => ({
        key: wanted,
        set: { attempt: (stands?.attempt ?? 0) + 1, kind: 'taskRun' },
        if: { status: stands?.status },
      }),
      () => ({ key: wanted, set: { priority: below(9), dueAt: undefined }, if: { version } }),
      () => ({ key: wanted, remove: true, if: { version } }),
    ])()
  }
  const changes = async (count: number) => {
    const all = new Map<string, Change>()
    for (let n = 0; n < count; n++) {
      const each = await change()
      all.set(each.key, each)
    }
    return [...all.values()]
  }
  const nameOf = ({ run, number, attempt }: Message) => `${run}/${number}/${attempt}`

  function hear(events: FeedEvent[]): void {
    for (const each of events) {
      assert.ok(owed.has(each.key), `${each.key} never changed, but was told of`)
      told.set(each.key, (told.get(each.key) ?? 0) + 1)
    }
  }

  async function follow(by: number): Promise<void> {
    const events = (await peers[by]?.ask({ do: 'feed', limit: 1 + below(5) })) as FeedEvent[]
    if (events.length === 0) return
    hear(events)
    if (random() < 0.8) await peers[by]?.ask({ do: 'acknowledgeFeed', events })
  }

  const steps: (() => Promise<void>)[] = [
    async () => {
      const wanted = Array.from({ length: 3 }, key)
      const [answer, right] = await Promise.all([
        pick(peers).ask({ do: 'read', keys: wanted }),
        store.read(wanted),
      ])
      assert.deepEqual(answer, asJson(right))
    },
    async () => {
      const wanted = await changes(1 + below(3))
      const answer = await pick(peers).ask({ do: 'write', changes: wanted })
      assert.deepEqual(
        answer,
        asJson(
          await changed(
            wanted.map((each) => each.key),
            () => store.write(wanted),
          ),
        ),
      )
    },
    async () => {
      const wanted = await changes(1 + below(4))
      const answer = await pick(peers).ask({ do: 'writeEach', changes: wanted })
      const right = []
      for (const each of wanted) right.push(await changed([each.key], () => store.write([each])))
      assert.deepEqual(answer, asJson(right))
    },
    async () => {
      const lost = {
        key: keys.taskRun('r-2', below(RECORDS)),
        put: taskRun({ run: 'r-2', status: 'queued' }),
      }
      assert.equal(
        await pick(peers).ask({ do: 'fail', changes: [lost, ...(await changes(2))] }),
        'rejected rejected',
      )
    },
    async () => {
      const prefix = keys.taskRuns('r-1')
      const right = await store.list({ prefix, consistency: 'strong' })
      assert.deepEqual(await pick(peers).ask({ do: 'list', prefix }), asJson(right))
    },
    async () => {
      const before = time.now + below(1_000)
      const keysOf = (found: { key: string }[]) => found.map((each) => each.key).sort()
      const right = keysOf(await store.due({ before, limit: 1_000 }))
      assert.deepEqual(keysOf(await pick(peers).ask({ do: 'due', before })), right)
    },
    () => follow(below(peers.length)),
    async () => {
      const message = { run: 'r-1', number: ++messages, attempt: 1 }
      sent.add(nameOf(message))
      await pick(peers).ask({ do: 'send', messages: [{ message, delayMs: 0, pool: 'default', priority: 0 }] })
    },
    async () => {
      const query = { pools: { default: 1_000 }, limit: 2, visibilityMs: 60_000_000 }
      const deliveries = (await pick(peers).ask({ do: 'take', query })) as Delivery[]
      for (const each of deliveries)
        assert.ok(sent.delete(nameOf(each.message)), 'taken twice, or never sent')
      taken.push(...deliveries)
    },
    async () => {
      // By whichever process, also by one that has not taken it.
      await pick(peers).ask({ do: 'acknowledge', deliveries: taken.splice(0, below(3)) })
    },
    async () => {
      time.now += pick([1, 100, FEED_LEASE_MS])
    },
  ]
  for (let step = 0; step < STEPS; step++) await pick(steps)()

  // In the end one process finds everything, whoever wrote it: what is owed is told, and every message is taken.
  const [by, other] = seed % 2 ? peers : [...peers].reverse()
  const followAll = async () => {
    for (let empty = 0; empty < 2; ) {
      time.now += FEED_LEASE_MS
      const events = (await by?.ask({ do: 'feed', limit: 1_000 })) as FeedEvent[]
      hear(events)
      await by?.ask({ do: 'acknowledgeFeed', events })
      empty = events.length === 0 ? empty + 1 : 0
    }
  }
  await followAll()
  // What the other one writes after that is found as well.
  const last: Change = { key: keys.taskRun('r-3', 0), put: taskRun({ run: 'r-3', status: 'queued' }) }
  await other?.ask({ do: 'write', changes: [last] })
  await changed([last.key], () => store.write([last]))
  await followAll()
  for (const [record, times] of owed)
    assert.ok(
      (told.get(record) ?? 0) >= times,
      `${record} changed ${times} times, told ${told.get(record) ?? 0} times`,
    )
  const query = { pools: { default: 1_000 }, limit: 1_000, visibilityMs: 60_000_000 }
  for (const peer of peers)
    for (const { message } of (await peer.ask({ do: 'take', query })) as Delivery[])
      sent.delete(nameOf(message))
  assert.deepEqual([...sent], [])
}

describe('two processes on one embedded state', () => {
  for (const seed of SEEDS)
    it(`answer alike whoever asks, in an order at random: seed ${seed}`, (test) => alternate(test, seed))
})
