import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { FoundTask } from '../../src/core/graph.ts'
import { keys } from '../../src/core/keys.ts'
import { NO_LIMITS } from '../../src/core/limits.ts'
import type { Ports } from '../../src/core/ports/deciding.ts'
import type { TaskStatus } from '../../src/core/records/status.ts'
import type { TaskRun } from '../../src/core/records/task-run.ts'
import { cancelRun } from '../../src/engine/cancel.ts'
import type { Context } from '../../src/engine/context.ts'
import { type HandOnOptions, handOn } from '../../src/engine/hand-on.ts'
import { loseOrphanedAttempts } from '../../src/engine/tick.ts'
import { Worker, type WorkOptions } from '../../src/engine/work.ts'
import { elsewhere, FAILED, foundTask, ours, racing, stepwise } from '../support/stepwise.ts'
import type { TestClock } from '../support/test-clock.ts'

const LIMITS = {
  ...NO_LIMITS,
  pools: { default: {}, other: {} },
  resources: { db: { limit: 1 } },
}
const ALL: HandOnOptions = { forMs: 60_000, mayRun: (_, { pool }) => pool === 'default' }
const NONE: HandOnOptions = { forMs: 0, mayRun: () => false }

const after = (id: string, upstreams: string[], policy: Partial<FoundTask['policy']> = {}) =>
  foundTask(id, policy, { upstreams, requires: upstreams })
/** A chain with a branch: `a`, then `b` and, in another pool, `c`, then `d` of both, then `e`. Numbered from the root `e` on. */
const branched = () => [
  after('e', ['d']),
  after('d', ['b', 'c']),
  after('b', ['a']),
  after('c', ['a'], { pool: 'other' }),
  after('a', []),
]
/** So many tasks, each after the next, from the root `t0` on. */
const chain = (length: number) =>
  Array.from({ length }, (_, n) => after(`t${n}`, n < length - 1 ? [`t${n + 1}`] : []))

/** An engine with a run of these tasks, which notes whose bodies begin. */
async function opened(found: FoundTask[]) {
  const engine = stepwise(LIMITS)
  const { ports } = engine.context
  const begun: string[] = []
  ports.runner = {
    ...ports.runner,
    run: async ({ task }) => {
      begun.push(task.id)
      return { outcome: 'succeeded' }
    },
  }
  const id = await engine.openPlan('p', found)
  const numbers = new Map(found.map((task, number) => [task.id, number]))
  const taskOf = (name: string) => engine.task(id, numbers.get(name))
  const statusOf = async (name: string): Promise<TaskStatus> => (await taskOf(name)).status
  const claim = async (name: string) => ours(await engine.take(id, 1, numbers.get(name)))
  return { ...engine, id, begun, taskOf, statusOf, claim }
}

const takeAll = ({ ports }: Context) =>
  ports.queue.take({ limit: 10, visibilityMs: 15_000, pools: { default: 10, other: 10 } })

/** A worker is given all messages. */
async function work(context: Context, options: Partial<WorkOptions> = {}): Promise<number> {
  const worker = new Worker(context, { concurrency: 10, ...options })
  const deliveries = await takeAll(context)
  await Promise.all(deliveries.map((delivery) => worker.perform(delivery)))
  return deliveries.length
}

/** Ports whose process dies before or after its nth effect: nothing that it has begun comes back. */
function dying({ store, plans, queue, ...ports }: Ports, last: number, when: 'before' | 'after') {
  const died = Promise.withResolvers<'died'>()
  const never = new Promise<never>(() => {})
  let effects = 0
  const die = () => {
    died.resolve('died')
    return never
  }
  const around = <A extends unknown[], R>(call: (...args: A) => Promise<R>) => {
    return async (...args: A): Promise<R> => {
      const nth = effects++
      if (nth > last || (nth === last && when === 'before')) return die()
      const result = await call(...args)
      return nth === last ? die() : result
    }
  }
  const mortal: Ports = {
    ...ports,
    store: { ...store, read: around(store.read) as typeof store.read, write: around(store.write) },
    plans: { ...plans, header: around(plans.header), tasks: around(plans.tasks) },
    queue: { ...queue, acknowledge: around(queue.acknowledge) },
  }
  return { ports: mortal, died: died.promise }
}

/** One world in which the worker that hands on is cut, and another worker goes on; false if the effect never came. */
async function cut(last: number, when: 'before' | 'after'): Promise<boolean> {
  const { context, begun, settle, run, statusOf, id } = await opened(branched())
  const { ports, died } = dying(context.ports, last, when)
  const first = work({ ...context, ports }, { handOn: ALL })
  if ((await Promise.race([first, died])) !== 'died') return false
  const succeeded = new Set<string>()
  for (const each of begun) if ((await statusOf(each)) === 'succeeded') succeeded.add(each)
  begun.splice(0)
  const other = elsewhere({ ...context, ports: { ...context.ports, isGone: async (by) => by === 'w' } })
  for (let rounds = 0; rounds < 12; rounds++) {
    await loseOrphanedAttempts(other)
    await settle()
    await work(other, { handOn: ALL })
    clockOf(context).advance(20_000)
  }
  const where = `${when} effect ${last}: ${begun}`
  assert.equal((await run(id)).status, 'succeeded', where)
  assert.ok(!begun.some((each) => succeeded.has(each)), `what had succeeded runs again ${where}`)
  assert.equal(new Set(begun).size, begun.length, where)
  return true
}

const clockOf = ({ ports }: Context) => ports.clock as TestClock

describe('handing on', () => {
  it('runs a chain to its end after one message, and leaves nothing to send', async () => {
    const { context, begun, settle, run, id } = await opened(chain(8))
    assert.equal(await work(context, { handOn: ALL }), 1)
    assert.deepEqual(begun, ['t7', 't6', 't5', 't4', 't3', 't2', 't1', 't0'])
    await settle()
    assert.deepEqual(await takeAll(context), [])
    assert.equal((await run(id)).status, 'succeeded')
  })

  it('writes nothing but the claim for a task that goes on, and queues what it may not run', async () => {
    const { context, statusOf, taskOf, claim } = await opened(branched())
    const claimed = await claim('a')
    const writes: number[] = []
    const { write } = context.ports.store
    const store = {
      ...context.ports.store,
      write: async (changes: Parameters<typeof write>[0]) => {
        writes.push(changes.length)
        return write(changes)
      },
    }
    await context.ports.store.write([
      { key: keys.taskRun(claimed.task.run, claimed.task.number), set: { status: 'succeeded' } },
    ])
    const next = await handOn({ ...context, ports: { ...context.ports, store } }, claimed, ALL.mayRun)
    assert.equal(next?.planned.id, 'b')
    assert.deepEqual(
      [await statusOf('b'), await statusOf('c'), await statusOf('d')],
      ['running', 'queued', 'pending'],
    )
    assert.deepEqual(writes, [1, 2], 'c is queued, then b is claimed with its lock')
    assert.ok((await taskOf('b')).readyAt !== undefined, 'what became ready says when')
  })

  for (const [name, options] of [
    ['is left out', {}],
    ['only queues', { handOn: NONE }],
    ['is there', { handOn: ALL }],
  ] as const)
    it(`changes no end: it ${name}`, async () => {
      const { context, begun, settle, run, id } = await opened(branched())
      for (let rounds = 0; rounds < 10; rounds++) {
        await work(context, options)
        await settle()
      }
      assert.equal((await run(id)).status, 'succeeded')
      assert.deepEqual(begun.toSorted(), ['a', 'b', 'c', 'd', 'e'])
    })

  it('may be cut before and after every effect: what it has not done the feed does, once', async () => {
    let [before, after] = [0, 0]
    while (await cut(before, 'before')) before++
    while (await cut(after, 'after')) after++
    assert.ok(before > 15 && before === after, `${before} and ${after} cuts`)
  })

  it('leaves to the feed what something holds back, and what has changed meanwhile', async () => {
    const found = [
      after('b', ['a'], { resources: { db: 1 } }),
      after('a', []),
      foundTask('x', { resources: { db: 1 } }),
    ]
    const { context, claim, end, statusOf, settle } = await opened(found)
    await claim('x')
    const claimed = await claim('a')
    await end(claimed, { outcome: 'succeeded' })
    assert.equal(await statusOf('b'), 'queued', 'the feed came first')
    assert.equal(await handOn(context, claimed, ALL.mayRun), undefined)
    await settle()
    assert.equal(await statusOf('b'), 'queued')
  })

  it('queues a task that something holds back, so that its message finds what it has to wait for', async () => {
    const found = [
      after('b', ['a'], { resources: { db: 1 } }),
      after('a', []),
      foundTask('x', { resources: { db: 1 } }),
    ]
    const { context, claim, statusOf, settle, id } = await opened(found)
    await claim('x')
    await work(context, { handOn: ALL })
    assert.equal(await statusOf('b'), 'queued')
    await settle()
    await work(context, { handOn: ALL })
    assert.equal(await statusOf('b'), 'waiting', id)
  })

  it('gives way to a write that comes between its look and its claim', async () => {
    const { context, claim, run, id, statusOf } = await opened([after('b', ['a']), after('a', [])])
    const claimed = await claim('a')
    await context.ports.store.write([
      { key: keys.taskRun(id, 1), set: { status: 'succeeded', nonce: undefined, leaseUntil: undefined } },
    ])
    const slow = racing(context, async () => {
      await context.ports.store.write([{ key: keys.taskRun(id, 0), set: { status: 'cancelled' } }])
    })
    assert.equal(await handOn(slow, claimed, ALL.mayRun), undefined)
    assert.equal(await statusOf('b'), 'cancelled')
    assert.equal((await run(id)).status, 'running')
  })

  it('knows its own claim when the write is repeated', async () => {
    const { context, claim, id } = await opened([after('b', ['a']), after('a', [])])
    const claimed = await claim('a')
    await context.ports.store.write([{ key: keys.taskRun(id, 1), set: { status: 'succeeded' } }])
    const { write } = context.ports.store
    const twice = {
      ...context.ports.store,
      write: async (changes: Parameters<typeof write>[0]) => {
        await write(changes)
        return write(changes)
      },
    }
    const next = await handOn({ ...context, ports: { ...context.ports, store: twice } }, claimed, ALL.mayRun)
    assert.equal(next?.planned.id, 'b')
  })

  it('goes on with nothing of a run that is cancelled, nor after a failure', async () => {
    const { context, clock, claim, id, run, begun, statusOf, settle } = await opened([
      after('b', ['a']),
      after('a', []),
    ])
    const claimed = await claim('a')
    clock.advance(5_000)
    await cancelRun(context, (await run(id)) as Parameters<typeof cancelRun>[1])
    await context.ports.store.write([{ key: keys.taskRun(id, 1), set: { status: 'succeeded' } }])
    assert.equal(await handOn(context, claimed, ALL.mayRun), undefined)
    const other = await opened([after('b', ['a']), after('a', [])])
    other.context.ports.runner.run = async () => FAILED
    await work(other.context, { handOn: ALL })
    await other.settle()
    assert.equal(await other.statusOf('b'), 'upstream_failed')
    await settle()
    assert.deepEqual(begun, [])
    assert.notEqual(await statusOf('b'), 'running')
  })

  it('goes on with nothing after an attempt that was given to another worker meanwhile', async () => {
    const { context, statusOf } = await opened([after('b', ['a']), after('a', [])])
    const other = elsewhere({ ...context, ports: { ...context.ports, isGone: async (by) => by === 'w' } })
    context.ports.runner.run = async () => {
      await loseOrphanedAttempts(other)
      return { outcome: 'succeeded' }
    }
    await work(context, { handOn: ALL })
    assert.deepEqual([await statusOf('a'), await statusOf('b')], ['queued', 'pending'])
  })

  it('ends after its time, when it is told to stop, and when its worker is drained', async () => {
    for (const stop of ['time', 'drain', 'stop'] as const) {
      const { context, begun, clock, statusOf } = await opened(chain(5))
      const [delivery] = await takeAll(context)
      assert.ok(delivery !== undefined)
      const worker = new Worker(context, {
        concurrency: 1,
        handOn: ALL,
        onEnd: () => {
          if (begun.length < 2) return
          if (stop === 'time') clock.advance(61_000)
          else worker[stop]()
        },
      })
      await worker.perform(delivery)
      assert.deepEqual(begun, ['t4', 't3'], stop)
      assert.equal(await statusOf('t2'), 'queued', stop)
    }
  })

  it('goes on with the most urgent', async () => {
    const urgent = [
      after('root', ['b', 'c']),
      after('b', ['a']),
      after('c', ['a'], { priority: 5 }),
      after('a', []),
    ]
    const { context, begun } = await opened(urgent)
    await work(context, { handOn: ALL })
    assert.deepEqual(begun, ['a', 'c'])
  })

  it('leaves to the feed what many share, and does not even look at it', async () => {
    const wide = [
      after(
        'root',
        Array.from({ length: 11 }, (_, n) => `t${n}`),
      ),
    ]
    for (let n = 0; n < 11; n++) wide.push(after(`t${n}`, []))
    const { context } = await opened(wide)
    const { store } = context.ports
    const looked: string[] = []
    context.ports.store = {
      ...store,
      read: (async (wanted: Parameters<typeof store.read>[0]) => {
        looked.push(...wanted)
        return store.read(wanted)
      }) as typeof store.read,
    }
    await work(context, { handOn: ALL })
    assert.equal(looked.filter((key) => key.endsWith('/0')).length, 0, looked.join(' '))
  })

  it('leaves a run to the feed that was forgotten meanwhile', async () => {
    const { context, claim, id } = await opened([after('b', ['a']), after('a', [])])
    const claimed = await claim('a')
    await context.ports.plans.remove(id)
    assert.equal(await handOn(context, claimed, ALL.mayRun), undefined)
    const left = (await context.ports.store.read([keys.taskRun(id, 0)]))[0] as unknown as TaskRun
    assert.equal(left.status, 'pending')
  })
})
