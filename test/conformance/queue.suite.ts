import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Make, SuiteOptions } from './adapters.ts'

const message = (number: number, run = 'r-1') => ({
  message: { run, number, attempt: 1 },
  delayMs: 0,
  pool: 'default',
  priority: 0,
})
const pools = { default: Number.POSITIVE_INFINITY }
const QUERY = { pools, limit: 10, visibilityMs: 1_000 }
const idOf = (pipeline: string, generation: number) => `${pipeline}-0123456789abcdef-${generation}`

/** What every task queue promises. */
export function queueSuite(name: string, make: Make<'queue'>, options: SuiteOptions = {}): void {
  describe(`${name}: queue`, options, () => {
    it('gives each message to one taker', async (test) => {
      const { queue, other = { queue } } = await make(test)
      await queue.send([message(1), message(2), message(3)])
      const taken = [...(await queue.take({ ...QUERY, limit: 2 })), ...(await other.queue.take(QUERY))]
      assert.deepEqual(taken.map((each) => each.message.number).sort(), [1, 2, 3])
      assert.deepEqual(await queue.take(QUERY), [])
    })

    it('gives a message again when its visibility ends, unless it was acknowledged', async (test) => {
      const { queue, clock } = await make(test)
      await queue.send([message(1), message(2)])
      const [first] = await queue.take({ ...QUERY, limit: 1 })
      await queue.take(QUERY)
      assert.ok(first)
      await queue.acknowledge([first])
      await clock.advance(1_000)
      const again = await queue.take(QUERY)
      assert.equal(again.length, 1)
      assert.notEqual(again[0]?.message.number, first.message.number)
    })

    it('ignores a receipt that is no longer the latest', async (test) => {
      const { queue, clock } = await make(test)
      await queue.send([message(1)])
      const old = await queue.take(QUERY)
      await clock.advance(1_000)
      const [newer] = await queue.take(QUERY)
      await queue.acknowledge(old)
      assert.ok(newer)
      await queue.putBack(newer, 0)
      assert.equal((await queue.take(QUERY)).length, 1)
    })

    it('holds a message back for its delay', async (test) => {
      const { queue, clock } = await make(test)
      await queue.send([{ ...message(1), delayMs: 2_000 }])
      assert.deepEqual(await queue.take(QUERY), [])
      await clock.advance(2_000)
      const [delivery] = await queue.take(QUERY)
      assert.ok(delivery)
      await queue.putBack(delivery, 2_000)
      await clock.advance(500)
      assert.deepEqual(await queue.take(QUERY), [])
      await clock.advance(1_500)
      assert.equal((await queue.take(QUERY)).length, 1)
    })
  })
}

/** What only queues promise that know priorities, turns and runs. */
export function queueTurnsSuite(name: string, make: Make<'queue'>, options: SuiteOptions = {}): void {
  describe(`${name}: turns in the queue`, options, () => {
    it('gives higher priorities first', async (test) => {
      const { queue } = await make(test)
      await queue.send([message(1), { ...message(2), priority: 5 }, { ...message(3), priority: -1 }])
      const taken = await queue.take(QUERY)
      assert.deepEqual(
        taken.map((each) => each.message.number),
        [2, 1, 3],
      )
    })

    it('lets pipelines take turns, and within one its runs', async (test) => {
      const { queue } = await make(test)
      const many = [1, 2, 3, 4].flatMap((number) => [
        message(number, idOf('backfill', 1)),
        message(number, idOf('backfill', 2)),
      ])
      await queue.send([...many, message(9, idOf('other', 1))])
      const order: string[] = []
      for (let turn = 0; turn < 5; turn++)
        for (const { message } of await queue.take({ ...QUERY, limit: 1 }))
          order.push(message.run.replace('0123456789abcdef-', ''))
      assert.equal(order.indexOf('other-1') < 2, true, order.join(' '))
      const [a = 0, b = 0] = ['backfill-1', 'backfill-2'].map(
        (run) => order.filter((each) => each === run).length,
      )
      assert.deepEqual([a, b], [2, 2])
    })

    it('serves pools as far as they have room', async (test) => {
      const { queue } = await make(test)
      await queue.send([1, 2, 3].map((number) => ({ ...message(number), pool: 'small' })))
      await queue.send([message(4)])
      assert.deepEqual(await queue.take({ ...QUERY, pools: { small: 0 } }), [])
      const taken = await queue.take({ ...QUERY, pools: { small: 2, default: 5 } })
      assert.deepEqual(
        taken.map((each) => each.message.number),
        [1, 2, 4],
      )
    })

    it('gives no more than is asked for, from however many pools', async (test) => {
      const { queue } = await make(test)
      await queue.send([1, 2].map((number) => ({ ...message(number), pool: 'small' })))
      await queue.send([message(3), message(4)])
      const query = { ...QUERY, limit: 3, pools: { small: 2, default: 2 } }
      assert.equal((await queue.take(query)).length, 3)
      assert.equal((await queue.take(query)).length, 1)
    })

    it('leaves a place to the run of another process whose turn it is', async (test) => {
      const { queue, other, clock } = await make(test)
      if (other === undefined) return
      const [ours, theirs] = [idOf('ours', 1), idOf('theirs', 1)]
      await queue.send([1, 2, 3].map((number) => ({ ...message(number, ours), pool: 'small' })))
      const take = (room: number, runs: string[], from = queue) =>
        from.take({ ...QUERY, pools: { small: room }, runs })
      assert.equal((await take(1, [ours])).length, 1)
      await queue.send([{ ...message(9, theirs), pool: 'small' }])
      assert.deepEqual(await take(0, [theirs], other.queue), [])
      assert.deepEqual(await take(1, [ours]), [])
      assert.equal((await take(1, [theirs], other.queue)).length, 1)
      assert.equal((await take(1, [ours])).length, 1)
      await queue.send([{ ...message(10, theirs), pool: 'small' }])
      await take(0, [theirs], other.queue)
      await clock.advance(2_000)
      assert.equal((await take(1, [ours])).length, 1, 'a process that does not come is not waited for')
    })

    it('forgets the messages of a run', async (test) => {
      const { queue } = await make(test)
      await queue.send([message(1, 'a-1'), message(2, 'b-1')])
      await queue.remove('a-1')
      assert.equal((await queue.take(QUERY)).length, 1)
    })

    it('leaves out what a worker cannot run, and nothing behind it', async (test) => {
      const { queue } = await make(test)
      await queue.send([1, 2, 3, 4].map((number) => message(number, 'a-1')))
      await queue.send([message(1, 'b-1')])
      const unfit = new Map<string, Set<number> | 'all'>([
        ['a-1', new Set([1, 2])],
        ['b-1', 'all'],
      ])
      const taken = await queue.take({ ...QUERY, limit: 1, unfit })
      assert.deepEqual(
        [...taken, ...(await queue.take({ ...QUERY, unfit }))].map((each) => each.message),
        [3, 4].map((number) => ({ run: 'a-1', number, attempt: 1 })),
      )
      assert.equal((await queue.take(QUERY)).length, 3)
    })

    it('keeps to one run where it is asked to', async (test) => {
      const { queue } = await make(test)
      await queue.send([message(1, 'a-1'), message(2, 'b-1')])
      const taken = await queue.take({ ...QUERY, runs: ['b-1'] })
      assert.deepEqual(
        taken.map((each) => each.message),
        [{ run: 'b-1', number: 2, attempt: 1 }],
      )
    })
  })
}
