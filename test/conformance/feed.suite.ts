import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { keys } from '../../src/core/keys.ts'
import type { Store } from '../../src/core/ports/deciding.ts'
import type { Run } from '../../src/core/records/run.ts'
import { taskRun } from '../support/records.ts'
import type { Make, SuiteOptions } from './adapters.ts'

const put = (store: Store, id: string) =>
  store.write([{ key: `run/${id}`, put: { kind: 'run', id, status: 'planning' } as Run }])
const set = (store: Store, id: string, fields: Record<string, unknown>) =>
  store.write([{ key: `run/${id}`, set: fields }])

/** What every change feed promises. */
export function feedSuite(name: string, make: Make<'store' | 'feed'>, options: SuiteOptions = {}): void {
  describe(`${name}: feed`, options, () => {
    it('tells of changes in order, and of inserts of task runs that move at once alone', async (test) => {
      const { store, feed } = await make(test)
      await put(store, 'a')
      await put(store, 'b')
      const statuses = ['pending', 'complete', 'cancelled', 'queued', 'succeeded', 'failed'] as const
      for (const [number, status] of statuses.entries())
        await store.write([
          { key: keys.taskRun('r-1', number), put: taskRun({ number, status }), if: 'absent' },
        ])
      await set(store, 'a', { status: 'running' })
      await set(store, 'b', { status: 'running' })
      await set(store, 'a', { released: 1 })
      const events = await feed.take(20)
      assert.deepEqual(
        events.map((event) => event.key),
        [...[3, 4, 5].map((number) => keys.taskRun('r-1', number)), 'run/a', 'run/b', 'run/a'],
      )
    })

    it('leaves heartbeats and notes out', async (test) => {
      const { store, feed } = await make(test)
      await store.write([{ key: 'task/r/1', put: { kind: 'taskRun', status: 'running' } as never }])
      await store.write([{ key: 'task/r/1', set: { leaseUntil: 5, progress: { done: 1 } } }])
      assert.deepEqual(await feed.take(10), [])
      await store.write([{ key: 'task/r/1', set: { status: 'succeeded' } }])
      assert.equal((await feed.take(10)).length, 1)
    })

    it('delivers again what was not acknowledged', async (test) => {
      const { store, feed } = await make(test)
      await put(store, 'a')
      await set(store, 'a', { status: 'running' })
      await set(store, 'a', { status: 'failed' })
      const [first] = await feed.take(1)
      assert.ok(first)
      assert.deepEqual(await feed.take(1), [first])
      await feed.acknowledge([first])
      const rest = await feed.take(10)
      assert.equal(rest.length, 1)
      assert.notEqual(rest[0]?.sequence, first.sequence)
    })
  })
}
