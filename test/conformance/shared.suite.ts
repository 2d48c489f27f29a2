import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import type { Run } from '../../src/core/records/run.ts'
import type { Adapters, MovedClock } from './adapters.ts'

/** A state that two processes have open. */
export type MakeShared = (test: TestContext) => Promise<Adapters & { clock: MovedClock; other: Adapters }>

const run = (id: string) => ({ kind: 'run', id, status: 'planning' }) as Run

/** What adapters promise that several processes may follow. */
export function sharedSuite(name: string, make: MakeShared): void {
  describe(`${name}: two processes`, () => {
    it('see the writes of each other', async (test) => {
      const { store, other } = await make(test)
      await store.write([{ key: 'run/a', put: run('a') }])
      assert.deepEqual(await other.store.read(['run/a']), [{ ...run('a'), version: 1 }])
    })

    it('follow the feed one at a time; the next takes over when the first is silent', async (test) => {
      const { store, feed, other, clock } = await make(test)
      await store.write([{ key: 'run/a', put: run('a') }])
      await store.write([{ key: 'run/a', set: { status: 'running' } }])
      assert.equal((await feed.take(10)).length, 1)
      assert.deepEqual(await other.feed.take(10), [])
      await clock.advance(60_000)
      assert.equal((await other.feed.take(10)).length, 1)
      assert.deepEqual(await feed.take(10), [])
    })
  })
}
