import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { MakeAdapters } from './adapters.ts'

const message = (number: number, run = 'r-1') => ({ message: { run, number, attempt: 1 }, delayMs: 0 })
const QUERY = { limit: 10, visibilityMs: 1_000 }

/** What every task queue promises. */
export function queueSuite(name: string, make: MakeAdapters): void {
  describe(`${name}: queue`, () => {
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
      clock.advance(1_000)
      const again = await queue.take(QUERY)
      assert.equal(again.length, 1)
      assert.notEqual(again[0]?.message.number, first.message.number)
    })

    it('ignores a receipt that is no longer the latest', async (test) => {
      const { queue, clock } = await make(test)
      await queue.send([message(1)])
      const old = await queue.take(QUERY)
      clock.advance(1_000)
      const [newer] = await queue.take(QUERY)
      await queue.acknowledge(old)
      assert.ok(newer)
      await queue.putBack(newer, 0)
      assert.equal((await queue.take(QUERY)).length, 1)
    })

    it('holds a message back for its delay', async (test) => {
      const { queue, clock } = await make(test)
      await queue.send([{ ...message(1), delayMs: 5_000 }])
      assert.deepEqual(await queue.take(QUERY), [])
      clock.advance(5_000)
      const [delivery] = await queue.take(QUERY)
      assert.ok(delivery)
      await queue.putBack(delivery, 2_000)
      clock.advance(1_999)
      assert.deepEqual(await queue.take(QUERY), [])
      clock.advance(1)
      assert.equal((await queue.take(QUERY)).length, 1)
    })

    it('keeps to one run where it is asked to', async (test) => {
      const { queue } = await make(test)
      await queue.send([message(1, 'a-1'), message(2, 'b-1')])
      const taken = await queue.take({ ...QUERY, run: 'b-1' })
      assert.deepEqual(
        taken.map((each) => each.message),
        [{ run: 'b-1', number: 2, attempt: 1 }],
      )
    })
  })
}
