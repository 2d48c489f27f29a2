import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Stored } from '../../src/core/change.ts'
import { makeGatheringTask } from '../../src/core/graph.ts'
import { keys } from '../../src/core/keys.ts'
import { sumHeldAmounts } from '../../src/core/limit-row.ts'
import { type Limits, NO_LIMITS } from '../../src/core/limits.ts'
import type { Ending } from '../../src/core/ports/working.ts'
import type { Run } from '../../src/core/records/run.ts'
import { handleChangedRecords } from '../../src/engine/advance.ts'
import { applyConfiguredLimits } from '../../src/engine/apply-limits.ts'
import { cancelRun } from '../../src/engine/cancel.ts'
import { claimAttempt } from '../../src/engine/claim.ts'
import { finishAttempt } from '../../src/engine/finish.ts'
import { blockBudget, reserveMoreBudget } from '../../src/engine/limits.ts'
import { computePoolCapacities } from '../../src/engine/pool-capacity.ts'
import { explainWaitingTask } from '../../src/engine/why.ts'
import { FAILED, foundTask, ours, racing, stepwise } from '../support/stepwise.ts'

const DONE: Ending = { outcome: 'succeeded' }
const HOUR_MS = 3_600_000

const limits = (more: Partial<Limits>): Limits => ({ ...NO_LIMITS, ...more })
const mag = (limit: number) => limits({ budgets: { mag: { limit, per: 'hour', timeZone: 'UTC' } } })
const db = (limit: number) => limits({ resources: { db: { limit } } })

/** Opens a run of tasks that all need the same; task n has number n, the root 0 gathers them. */
function openMany(engine: ReturnType<typeof stepwise>, count: number, policy: object) {
  const ids = Array.from({ length: count }, (_, index) => `t${index + 1}`)
  return engine.openPlan('p', [
    makeGatheringTask('all', 'all', ids),
    ...ids.map((id) => foundTask(id, policy)),
  ])
}

/** A resource of one slot that was given back while tasks 2 and 3 waited for it, in this order. */
async function twoInLine() {
  const engine = stepwise(db(1))
  const run = await openMany(engine, 3, { resources: { db: 1 } })
  const first = await ours(await engine.take(run, 1, 1))
  await engine.take(run, 1, 2)
  engine.clock.advance(10)
  await engine.take(run, 1, 3)
  await engine.end(first, DONE)
  return { engine, run }
}

describe('a budget', () => {
  it('of 500 lets five of six batches run; the sixth goes on when the window turns', async () => {
    const engine = stepwise(mag(500))
    const run = await openMany(engine, 6, { budgets: { mag: 100 } })
    for (let number = 1; number <= 5; number++)
      await engine.end(await ours(await engine.take(run, 1, number)), DONE)
    assert.deepEqual(await engine.take(run, 1, 6), { is: 'settled' })
    const sixth = await engine.task(run, 6)
    assert.deepEqual([sixth.status, sixth.attempt, sixth.counts], ['waiting', 1, undefined])
    const [reason] = await explainWaitingTask(engine.context, await engine.run(run), sixth)
    assert.match(
      reason?.text ?? '',
      /needs 100 of the budget mag: 500 are spent and 0 reserved of 500 a hour/,
    )
    assert.equal(reason?.until, engine.clock.now() + HOUR_MS)
    engine.clock.advance(HOUR_MS - 1)
    await engine.ticked()
    assert.equal((await engine.task(run, 6)).status, 'waiting')
    engine.clock.advance(1)
    await engine.ticked()
    assert.equal((await engine.task(run, 6)).status, 'queued')
    await engine.end(await ours(await engine.take(run, 1, 6)), DONE)
    assert.equal((await engine.run(run)).status, 'succeeded')
  })

  it('gets back what was not spent, and whoever waits for it goes on', async () => {
    const engine = stepwise(mag(100))
    const run = await openMany(engine, 2, { budgets: { mag: 100 } })
    const first = await ours(await engine.take(run, 1, 1))
    await engine.take(run, 1, 2)
    assert.equal((await engine.task(run, 2)).status, 'waiting')
    await engine.end(first, { ...DONE, spent: { mag: 0 } })
    assert.equal((await engine.task(run, 2)).status, 'queued')
  })

  it('counts the reservation of a lost attempt as spent', async () => {
    const engine = stepwise(mag(100))
    const run = await openMany(engine, 1, { budgets: { mag: 60 } })
    await engine.end(await ours(await engine.take(run, 1, 1)), { outcome: 'lost' })
    assert.equal((await engine.limit('budget', 'mag')).window?.spent, 60)
    await engine.take(run, 2, 1)
    assert.equal((await engine.task(run, 1)).status, 'waiting')
  })

  it('that asks to be left alone is, for everybody, until then', async () => {
    const engine = stepwise(mag(100))
    const run = await openMany(engine, 1, { budgets: { mag: 1 } })
    await blockBudget(engine.context, 'mag', engine.clock.now() + 90_000)
    await engine.take(run, 1, 1)
    const task = await engine.task(run, 1)
    assert.equal(task.status, 'waiting')
    const [reason] = await explainWaitingTask(engine.context, await engine.run(run), task)
    assert.equal(reason?.until, engine.clock.now() + 90_000)
    engine.clock.advance(90_000)
    await engine.ticked()
    await ours(await engine.take(run, 1, 1))
  })

  it('that is left alone serves nobody, whatever is given back to it meanwhile', async () => {
    const engine = stepwise(mag(100))
    const run = await openMany(engine, 2, { budgets: { mag: 100 } })
    const first = await ours(await engine.take(run, 1, 1))
    await engine.take(run, 1, 2)
    await blockBudget(engine.context, 'mag', engine.clock.now() + 90_000)
    await engine.end(first, { ...DONE, spent: { mag: 0 } })
    assert.equal((await engine.task(run, 2)).status, 'waiting')
    engine.clock.advance(90_000)
    await engine.ticked()
    assert.equal((await engine.task(run, 2)).status, 'queued')
  })

  it('is left alone for the longest time that was asked for', async () => {
    const engine = stepwise(mag(100))
    const until = engine.clock.now() + 90_000
    await blockBudget(engine.context, 'mag', until)
    await blockBudget(engine.context, 'mag', until - 60_000)
    assert.equal((await engine.limit('budget', 'mag')).blockedUntil, until)
  })

  it('reserves more for a running attempt while there is some left, in the window of now', async () => {
    const engine = stepwise(mag(100))
    const run = await openMany(engine, 1, { budgets: { mag: 60 } })
    const { task, nonce } = await ours(await engine.take(run, 1, 1))
    assert.equal(await reserveMoreBudget(engine.context, task, nonce, 'mag', 41), undefined)
    assert.equal((await reserveMoreBudget(engine.context, task, nonce, 'mag', 40))?.amount, 100)
    engine.clock.advance(HOUR_MS)
    assert.equal((await reserveMoreBudget(engine.context, task, nonce, 'mag', 5))?.amount, 5)
    assert.equal(await reserveMoreBudget(engine.context, task, 'another', 'mag', 5), undefined)
  })

  it('that is too small twice without a newer checkpoint fails the task', async () => {
    const engine = stepwise(mag(100))
    const run = await openMany(engine, 1, { budgets: { mag: 10 } })
    const over = (checkpoint?: number): Ending => ({
      outcome: 'over_budget',
      spent: { mag: 0 },
      ...(checkpoint === undefined ? {} : { checkpoint }),
    })
    const attempt = async (number: number, ending: Ending) => {
      engine.clock.advance(300_000)
      await engine.end(await ours(await engine.take(run, number, 1)), ending)
    }
    await attempt(1, over())
    await attempt(2, over(1))
    await attempt(3, over())
    assert.equal((await engine.task(run, 1)).status, 'queued')
    await attempt(4, over())
    assert.equal((await engine.task(run, 1)).status, 'failed')
    assert.match((await engine.task(run, 1)).failure?.message ?? '', /budget_too_small/)
  })
})

describe('a resource', () => {
  it('is given to as many as there are slots, and then to who has waited longest', async () => {
    const { engine, run } = await twoInLine()
    assert.deepEqual(
      [(await engine.task(run, 2)).status, (await engine.task(run, 3)).status],
      ['queued', 'waiting'],
    )
  })

  it('keeps freed slots for the first who waits until its weight is there', async () => {
    const engine = stepwise(db(2))
    const found = [
      makeGatheringTask('all', 'all', ['a', 'b', 'heavy', 'c']),
      foundTask('a', { resources: { db: 1 } }),
      foundTask('b', { resources: { db: 1 } }),
      foundTask('heavy', { resources: { db: 2 } }),
      foundTask('c', { resources: { db: 1 } }),
    ]
    const run = await engine.openPlan('p', found)
    const [a, b] = [await ours(await engine.take(run, 1, 1)), await ours(await engine.take(run, 1, 2))]
    await engine.take(run, 1, 3)
    await engine.end(a, DONE)
    await engine.take(run, 1, 4)
    assert.equal((await engine.task(run, 4)).status, 'waiting', 'one slot is free, but not for c')
    await engine.end(b, DONE)
    assert.equal((await engine.task(run, 3)).status, 'queued')
    await engine.end(await ours(await engine.take(run, 1, 3)), DONE)
    await engine.end(await ours(await engine.take(run, 1, 4)), DONE)
    assert.equal((await engine.run(run)).status, 'succeeded')
    assert.equal(sumHeldAmounts(await engine.limit('resource', 'db')), 0)
  })

  it('goes by priority among those who wait', async () => {
    const engine = stepwise(db(1))
    const found = ['a', 'b', 'c'].map((id) =>
      foundTask(id, { resources: { db: 1 }, priority: id === 'c' ? 5 : 0 }),
    )
    const run = await engine.openPlan('p', [makeGatheringTask('all', 'all', ['a', 'b', 'c']), ...found])
    const first = await ours(await engine.take(run, 1, 1))
    await engine.take(run, 1, 2)
    await engine.take(run, 1, 3)
    await engine.end(first, DONE)
    assert.equal((await engine.task(run, 3)).status, 'queued')
  })

  it('is given on when whoever it is kept for does not come', async () => {
    const { engine, run } = await twoInLine()
    engine.clock.advance(60_000)
    await engine.ticked()
    assert.equal((await engine.task(run, 3)).status, 'queued')
    await ours(await engine.take(run, 1, 3))
  })

  it('is kept for whom it was given to on every clock: a host that is ahead gives it to no other', async () => {
    const engine = stepwise(db(1))
    Object.assign(engine.context.settings, { skewMs: 120_000 })
    const run = await openMany(engine, 3, { resources: { db: 1 } })
    const first = await ours(await engine.take(run, 1, 1))
    await engine.take(run, 1, 2)
    await engine.end(first, DONE)
    engine.clock.advance(119_000)
    assert.deepEqual(await engine.take(run, 1, 3), { is: 'settled' })
    assert.equal((await engine.task(run, 3)).status, 'waiting')
    await ours(await engine.take(run, 1, 2))
  })

  it('goes to the next in line when the first one is cancelled', async () => {
    const engine = stepwise(db(2))
    const one = await engine.openPlan('one', [foundTask('a', { resources: { db: 1 } })])
    const two = await engine.openPlan('two', [foundTask('heavy', { resources: { db: 2 } })])
    const three = await engine.openPlan('three', [foundTask('b', { resources: { db: 1 } })])
    await ours(await engine.take(one))
    await engine.take(two)
    engine.clock.advance(10)
    await engine.take(three)
    assert.equal((await engine.task(three)).status, 'waiting')
    await cancelRun(engine.context, (await engine.run(two)) as Stored<Run>)
    await engine.settle()
    assert.equal((await engine.task(three)).status, 'queued')
  })

  it('is not held while waiting for another, so that two can never wait for each other', async () => {
    const engine = stepwise(limits({ resources: { x: { limit: 1 }, y: { limit: 1 } } }))
    const found = [
      makeGatheringTask('all', 'all', ['a', 'b']),
      foundTask('a', { resources: { x: 1, y: 1 } }),
      foundTask('b', { resources: { y: 1, x: 1 } }),
    ]
    const run = await engine.openPlan('p', found)
    const a = await ours(await engine.take(run, 1, 1))
    await engine.take(run, 1, 2)
    await engine.end(a, DONE)
    const b = await ours(await engine.take(run, 1, 2))
    await engine.end(b, DONE)
    assert.equal((await engine.run(run)).status, 'succeeded')
  })

  it('is taken together with another by who comes first, though later ones wait for the other', async () => {
    const engine = stepwise(limits({ resources: { api: { limit: 1 }, db: { limit: 2 } } }))
    const large = { resources: { db: 2, api: 1 }, priority: 2 }
    const small = { resources: { db: 1, api: 1 } }
    const run = await engine.openPlan('p', [
      makeGatheringTask('all', 'all', ['x', 'y', 'p', 'q', 'api', 'db']),
      ...['x', 'y'].map((id) => foundTask(id, large)),
      ...['p', 'q'].map((id) => foundTask(id, small)),
      foundTask('api', { resources: { api: 1 } }),
      foundTask('db', { resources: { db: 2 } }),
    ])
    const [x, y, p, q] = [1, 2, 3, 4] as const
    // x and p wait for the one, y and q for the other.
    const api = await ours(await engine.take(run, 1, 5))
    for (const number of [x, p]) await engine.take(run, 1, number)
    const db = await ours(await engine.take(run, 1, 6))
    for (const number of [y, q]) await engine.take(run, 1, number)
    await engine.end(api, DONE)
    await engine.end(db, DONE)
    // x gives back what it was woken for, because the other is kept for y, which takes it at once.
    assert.deepEqual(await engine.take(run, 1, x), { is: 'settled' })
    await engine.end(await ours(await engine.take(run, 1, y)), DONE)
  })

  it('wakes the first in line also where another comes to wait at that moment', async () => {
    const engine = stepwise(db(1))
    const { feed } = engine.context.ports
    const run = await openMany(engine, 3, { resources: { db: 1 } })
    const first = await ours(await engine.take(run, 1, 1))
    await engine.take(run, 1, 2)
    await finishAttempt(engine.context, first, DONE)
    await feed.acknowledge(await feed.take(1_000))
    let isFirst = true
    const slow = racing(engine.context, async (changes) => {
      if (!isFirst || !changes.some(({ key }) => key === keys.taskRun(run, 2))) return
      isFirst = false
      await engine.take(run, 1, 3)
    })
    await handleChangedRecords(slow, [keys.limit('resource', 'db')])
    await engine.settle()
    assert.deepEqual(
      [(await engine.task(run, 2)).status, (await engine.task(run, 3)).status],
      ['queued', 'waiting'],
    )
  })

  it('is taken by a claim that met others again and again', async () => {
    const engine = stepwise(db(2))
    const run = await openMany(engine, 2, { resources: { db: 1 } })
    await ours(await engine.take(run, 1, 1))
    let met = 0
    const slow = racing(engine.context, async () => {
      if (++met > 3) return
      await engine.context.ports.store.write([{ key: keys.limit('resource', 'db'), set: { freed: met } }])
    })
    await ours(await claimAttempt(slow, { run, number: 2, attempt: 1 }))
    assert.equal(met, 4)
  })

  it('is given back by an attempt whose end meets the end of another', async () => {
    const engine = stepwise(db(2))
    const run = await openMany(engine, 2, { resources: { db: 1 } })
    const first = await ours(await engine.take(run, 1, 1))
    const second = await ours(await engine.take(run, 1, 2))
    let isFirst = true
    const meanwhile = racing(engine.context, async () => {
      if (isFirst) await finishAttempt(engine.context, second, DONE)
      isFirst = false
    })
    assert.equal(await finishAttempt(meanwhile, first, DONE), true)
    assert.equal(sumHeldAmounts(await engine.limit('resource', 'db')), 0)
    assert.equal((await engine.task(run, 1)).status, 'succeeded')
  })

  it('is free again after a failed attempt while that one is delayed', async () => {
    const engine = stepwise(db(1))
    const retry = { attempts: 2, delayMs: 60_000, backoff: 'fixed' as const }
    const run = await openMany(engine, 2, { resources: { db: 1 }, retry })
    await engine.end(await ours(await engine.take(run, 1, 1)), FAILED)
    await ours(await engine.take(run, 1, 2))
  })
})

describe('a pool', () => {
  it('takes no more attempts than it has places; the others stay in its queue', async () => {
    const engine = stepwise(limits({ pools: { default: {}, small: { concurrency: 1 } } }))
    const run = await openMany(engine, 2, { pool: 'small' })
    const first = await ours(await engine.take(run, 1, 1))
    assert.deepEqual(await engine.take(run, 1, 2), { is: 'early', delayMs: 50 })
    const [reason] = await explainWaitingTask(
      engine.context,
      await engine.run(run),
      await engine.task(run, 2),
    )
    assert.match(reason?.text ?? '', /pool small is full: 1 of 1 places are taken/)
    await engine.end(first, DONE)
    await ours(await engine.take(run, 1, 2))
  })

  it('has room for as many as it has free places', async () => {
    const engine = stepwise(limits({ pools: { default: {}, small: { concurrency: 3 } } }))
    const run = await openMany(engine, 3, { pool: 'small' })
    assert.equal((await computePoolCapacities(engine.context, 0)).small, 3)
    await ours(await engine.take(run, 1, 1))
    assert.equal((await computePoolCapacities(engine.context, 0)).small, 2)
  })

  it('gives a task that ran out of memory twice as much, up to its largest', async () => {
    const engine = stepwise(limits({ pools: { default: { maxMemoryMb: 150 } } }))
    const retry = { attempts: 5, delayMs: 0, backoff: 'fixed' as const }
    const run = await openMany(engine, 1, { memoryMb: 100, retry })
    const first = await ours(await engine.take(run, 1, 1))
    assert.equal(first.memoryMb, 100)
    await engine.end(first, { outcome: 'out_of_memory' })
    const second = await ours(await engine.take(run, 2, 1))
    assert.equal(second.memoryMb, 150)
    await engine.end(second, { outcome: 'out_of_memory' })
    assert.equal((await engine.task(run, 1)).status, 'failed')
  })
})

describe('a limit that the config changes', () => {
  /** Applies a config, as an engine does when it starts. */
  const apply = async (engine: ReturnType<typeof stepwise>, changed: Limits) => {
    await applyConfiguredLimits({
      ...engine.context,
      settings: { ...engine.context.settings, limits: changed },
    })
    await engine.settle()
  }
  const statuses = async (engine: ReturnType<typeof stepwise>, run: string, count: number) =>
    Promise.all(Array.from({ length: count }, async (_, index) => (await engine.task(run, index + 1)).status))

  it('reaches those who wait for a budget at once when it is raised', async () => {
    const engine = stepwise(mag(1))
    const run = await openMany(engine, 4, { budgets: { mag: 1 } })
    await engine.end(await ours(await engine.take(run, 1, 1)), DONE)
    for (const number of [2, 3, 4]) await engine.take(run, 1, number)
    assert.deepEqual(await statuses(engine, run, 4), ['succeeded', 'waiting', 'waiting', 'waiting'])
    await apply(engine, mag(3))
    assert.deepEqual(await statuses(engine, run, 4), ['succeeded', 'queued', 'queued', 'waiting'])
    // A worker whose own config still says 1 keeps to what was applied.
    assert.equal((await engine.take(run, 1, 2)).is, 'ours')
    assert.equal((await engine.take(run, 1, 3)).is, 'ours')
    assert.equal((await engine.limit('budget', 'mag')).limit, 3)
  })

  it('reaches all who wait for it when it is raised, however many pages they take', async () => {
    const engine = stepwise(mag(1))
    engine.context.settings.page = 2
    const run = await openMany(engine, 6, { budgets: { mag: 1 } })
    await engine.end(await ours(await engine.take(run, 1, 1)), DONE)
    for (const number of [2, 3, 4, 5, 6]) await engine.take(run, 1, number)
    await apply(engine, mag(6))
    assert.deepEqual((await statuses(engine, run, 6)).slice(1), Array(5).fill('queued'))
  })

  it('reaches those who wait for a resource at once when it is raised', async () => {
    const { engine, run } = await twoInLine()
    await ours(await engine.take(run, 1, 2))
    assert.equal((await engine.task(run, 3)).status, 'waiting')
    await apply(engine, db(2))
    assert.equal((await engine.task(run, 3)).status, 'queued')
  })

  it('lets nobody more in when it is lowered, also nobody who was in line', async () => {
    const engine = stepwise(db(2))
    const run = await openMany(engine, 3, { resources: { db: 1 } })
    const first = await ours(await engine.take(run, 1, 1))
    const second = await ours(await engine.take(run, 1, 2))
    await engine.take(run, 1, 3)
    await apply(engine, db(1))
    await engine.end(first, DONE)
    assert.equal((await engine.task(run, 3)).status, 'waiting')
    await engine.end(second, DONE)
    assert.equal((await engine.task(run, 3)).status, 'queued')
  })

  it('of a pool counts for every worker', async () => {
    const pool = (concurrency: number) => limits({ pools: { default: {}, small: { concurrency } } })
    const engine = stepwise(pool(1))
    const run = await openMany(engine, 2, { pool: 'small' })
    await ours(await engine.take(run, 1, 1))
    assert.equal((await engine.take(run, 1, 2)).is, 'early')
    await apply(engine, pool(2))
    assert.equal((await engine.take(run, 1, 2)).is, 'ours')
  })

  it('has its window anew when its calendar changes, and is left alone when nothing does', async () => {
    const engine = stepwise(mag(1))
    const run = await openMany(engine, 2, { budgets: { mag: 1 } })
    await engine.end(await ours(await engine.take(run, 1, 1)), DONE)
    await engine.take(run, 1, 2)
    const before = await engine.limit('budget', 'mag')
    await apply(engine, mag(1))
    assert.deepEqual(await engine.limit('budget', 'mag'), before)
    await apply(engine, limits({ budgets: { mag: { limit: 1, per: 'day', timeZone: 'UTC' } } }))
    assert.equal((await engine.limit('budget', 'mag')).window?.per, 'day')
    assert.equal((await engine.task(run, 2)).status, 'queued')
  })

  it('is told by why: what was not applied yet, and what will never do', async () => {
    const engine = stepwise(db(3))
    const run = await openMany(engine, 2, { resources: { db: 2 } })
    await ours(await engine.take(run, 1, 1))
    await engine.take(run, 1, 2)
    const reason = async (config: Limits) => {
      const context = { ...engine.context, settings: { ...engine.context.settings, limits: config } }
      return (
        (await explainWaitingTask(context, await engine.run(run), await engine.task(run, 2)))[0]?.text ?? ''
      )
    }
    assert.match(
      await reason(db(9)),
      /1 of 3 are free.*the config allows 9, which counts once an engine has read it/,
    )
    await apply(engine, db(1))
    assert.match(await reason(db(1)), /0 of 1 are free.*waits until the limit is raised to 2 or more/)
  })
})
