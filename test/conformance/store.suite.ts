import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { keys } from '../../src/core/keys.ts'
import type { Lock } from '../../src/core/records/lock-and-limit.ts'
import type { TaskRun } from '../../src/core/records/task-run.ts'
import { findLostTarget, type Making, readRunningMaker, recordTargetMakers } from '../../src/engine/makers.ts'
import { taskRun } from '../support/records.ts'
import type { Make, SuiteOptions } from './adapters.ts'

const task = (number: number, more: Partial<TaskRun> = {}) =>
  taskRun({ number, taskId: `t${number}`, ...more })
const key = (number: number) => keys.taskRun('r-1', number)

/** What every store promises. */
export function storeSuite(name: string, make: Make<'store'>, options: SuiteOptions = {}): void {
  describe(`${name}: store`, options, () => {
    it('reads in the order of the keys, undefined where nothing is', async (test) => {
      const { store } = await make(test)
      await store.write([{ key: key(2), put: task(2) }])
      const [none, found] = await store.read([key(1), key(2)])
      assert.equal(none, undefined)
      assert.deepEqual(found, { ...task(2), version: 1 })
    })

    it('counts the writes of a record in its version', async (test) => {
      const { store } = await make(test)
      await store.write([{ key: key(1), put: task(1) }])
      await store.write([{ key: key(1), set: { status: 'queued' } }])
      const [record] = await store.read([key(1)])
      assert.deepEqual(record, { ...task(1), status: 'queued', version: 2 })
    })

    it('hands a target over from one maker to the next, at once', async (test) => {
      const { store } = await make(test)
      const [old, next] = ['a', 'b'].map((id) => ({
        uri: 'file:///same',
        task: { id, family: id, params: {}, label: id },
      })) as [Making, Making]
      await store.write([{ key: keys.lock('a'), set: { kind: 'lock', taskId: 'a', holder: 'r/0/1' } }])
      for (const making of [old, next, old]) {
        assert.deepEqual(await recordTargetMakers(store, [making], () => false), [])
        const other = making === old ? next : old
        const [maker, lock, lost] = await store.read([
          keys.maker(making.uri),
          keys.lock(making.task.id),
          keys.lock(other.task.id),
        ])
        assert.equal(maker?.taskId, making.task.id)
        assert.equal(findLostTarget(lock, [making.uri]), undefined)
        assert.equal(findLostTarget(lost, [making.uri]), lost && making.uri)
        assert.equal(await readRunningMaker(store, lock), making === next ? 'r/0/1' : undefined)
      }
    })

    it('writes nothing where one condition of a call fails, and returns the record that stood', async (test) => {
      const { store } = await make(test)
      await store.write([{ key: key(1), put: task(1) }])
      const result = await store.write([
        { key: key(2), put: task(2), if: 'absent' },
        { key: key(1), put: task(1, { status: 'queued' }), if: 'absent' },
      ])
      assert.deepEqual(result, { ok: false, failures: [{ index: 1, current: { ...task(1), version: 1 } }] })
      assert.deepEqual(await store.read([key(2)]), [undefined])
    })

    it('matches fields, undefined meaning absent, also where there is no record', async (test) => {
      const { store } = await make(test)
      const lock = keys.lock('t1')
      const take = (holder: string) =>
        store.write([{ key: lock, set: { kind: 'lock', taskId: 't1', holder }, if: { holder: undefined } }])
      assert.deepEqual(await take('a'), { ok: true })
      assert.equal((await take('b')).ok, false)
      const freed = await store.write([{ key: lock, set: { holder: undefined }, if: { holder: 'a' } }])
      assert.deepEqual(freed, { ok: true })
      const [record] = await store.read([lock])
      assert.deepEqual(record, { kind: 'lock', taskId: 't1', version: 2 } as Lock & { version: number })
    })

    it('gives exactly one of many writers at once what all want', async (test) => {
      const { store, other = { store } } = await make(test)
      const writers = Array.from({ length: 20 }, (_, index) => (index % 2 ? store : other.store))
      const results = await Promise.all(
        writers.map((each, index) =>
          each.write([{ key: key(1), put: task(1, { nonce: `n${index}` }), if: 'absent' }]),
        ),
      )
      assert.equal(results.filter((result) => result.ok).length, 1)
    })

    it('removes', async (test) => {
      const { store } = await make(test)
      await store.write([{ key: key(1), put: task(1) }])
      await store.write([{ key: key(1), remove: true }])
      assert.deepEqual(await store.read([key(1)]), [undefined])
    })

    it('reads very many at once as it reads few: what was written and removed last, in the order of the keys', async (test) => {
      const { store } = await make(test)
      const wanted = Array.from({ length: 1_200 }, (_, number) => key(1_200 - number))
      await store.write([{ key: key(1), put: task(1) }])
      await store.read(wanted.slice(0, 10))
      await store.write([
        { key: key(1), remove: true },
        { key: key(1_195), put: task(1_195) },
      ])
      const expected = wanted.map((each) =>
        each === key(1_195) ? { ...task(1_195), version: 1 } : undefined,
      )
      assert.deepEqual(await store.read(wanted), expected)
    })

    it('lists by prefix in order of the keys, in pages', async (test) => {
      const { store } = await make(test)
      for (const number of [3, 1, 2]) await store.write([{ key: key(number), put: task(number) }])
      await store.write([{ key: keys.taskRun('r-10', 1), put: task(1, { run: 'r-10' }) }])
      const query = { prefix: keys.taskRuns('r-1'), consistency: 'strong' } as const
      const all = await store.list(query)
      assert.deepEqual(
        all.map((each) => each.key),
        [key(1), key(2), key(3)],
      )
      const page = await store.list({ ...query, after: key(1), limit: 1 })
      assert.deepEqual(
        page.map((each) => each.key),
        [key(2)],
      )
    })

    it('finds what is due, and no longer once the instant is gone', async (test) => {
      const { store } = await make(test)
      await store.write([{ key: key(1), put: task(1, { dueAt: 100 }) }])
      await store.write([{ key: key(2), put: task(2, { dueAt: 200 }) }])
      await store.write([{ key: key(3), put: task(3) }])
      const due = async (before: number) => (await store.due({ before, limit: 10 })).map((each) => each.key)
      assert.deepEqual(await due(100), [key(1)])
      await store.write([{ key: key(1), set: { dueAt: undefined } }])
      assert.deepEqual(await due(300), [key(2)])
      await store.write([{ key: key(3), set: { dueAt: 150 } }])
      assert.deepEqual((await due(300)).sort(), [key(2), key(3)])
    })
  })
}
