import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { describe, it, type TestContext } from 'node:test'
import { z } from 'zod'
import { makeFileStorage } from '../../src/adapters/files/file-storage.ts'
import { makeBodyLog } from '../../src/body/attempt-log.ts'
import { type Execution, executeBody } from '../../src/body/execute.ts'
import type { TaskInstance } from '../../src/define/task.ts'
import { task, text } from '../../src/index.ts'
import { temporaryFolder } from '../support/folders.ts'

function execution(test: TestContext, instance: TaskInstance, more: Partial<Execution> = {}) {
  const folder = temporaryFolder(test)
  const given: Execution = {
    run: 'r-1',
    task: instance,
    attempt: 1,
    writer: 'w',
    upstream: () => instance,
    secrets: {},
    budgets: {},
    dependencies: new Set(),
    reserve: async () => undefined,
    block: async () => {},
    surroundings: {
      storage: makeFileStorage(folder),
      markers: { read: async (ids) => ids.map(() => undefined) },
    },
    log: makeBodyLog(() => {}),
    getSignal: () => new AbortController().signal,
    onProgress() {},
    mayPublish: async () => true,
    ...more,
  }
  return { folder, done: executeBody(given) }
}

describe('executing', () => {
  it('publishes nothing where the body throws after it wrote', async (test) => {
    const Throws = task('ExecThrows', { output: () => text('a.txt') }, async ({ output }) => {
      await output.write('half')
      throw new Error('cut')
    })
    const { folder, done } = execution(test, Throws())
    assert.match((await done).failure?.message ?? '', /cut/)
    assert.deepEqual(readdirSync(folder), [])
  })

  it('publishes nothing where the attempt is no longer allowed to', async (test) => {
    const Writes = task('ExecWrites', { output: () => text('a.txt') }, async ({ output }) =>
      output.write('whole'),
    )
    const { folder, done } = execution(test, Writes(), { mayPublish: async () => false })
    assert.match((await done).failure?.message ?? '', /no longer allowed to publish/)
    assert.deepEqual(readdirSync(folder), [])
  })

  it('makes the signal when the body looks at it, by one getter for all attempts, also of a copy of its context', async (test) => {
    const seen: { getter: unknown; copied: AbortSignal }[] = []
    const Looks = task('ExecLooks', {}, (context) => {
      assert.equal(made, seen.length)
      const getter = Object.getOwnPropertyDescriptor(context, 'signal')?.get
      seen.push({ getter, copied: { ...context }.signal })
    })
    let made = 0
    const getSignal = () => {
      made++
      return new AbortController().signal
    }
    for (let attempt = 1; attempt <= 2; attempt++)
      assert.equal((await execution(test, Looks(), { attempt, getSignal }).done).outcome, 'succeeded')
    const [first, second] = seen
    assert.ok(first?.copied instanceof AbortSignal)
    assert.equal(first.getter, second?.getter)
    assert.ok(first.getter)
  })

  it('keeps the last of several writes, and removes what a dead attempt left', async (test) => {
    const Twice = task('ExecTwice', { output: () => text('a.txt') }, async ({ output }) => {
      await output.write('first')
      await output.write('second')
      assert.equal(await output.read(), 'second')
    })
    const { folder, done } = execution(test, Twice(), { attempt: 2 })
    await done
    assert.deepEqual(readdirSync(folder), ['a.txt'])
  })

  it('fails a body that ends well without one of its outputs, and publishes none', async (test) => {
    const Both = task(
      'ExecBoth',
      { output: () => ({ a: text('a.txt'), b: text('b.txt') }) },
      async ({ output }) => output.a.write('a'),
    )
    const { folder, done } = execution(test, Both())
    assert.match((await done).failure?.message ?? '', /its output is missing: .*b\.txt/)
    assert.deepEqual(readdirSync(folder), [])
  })

  it('returns a small JSON result where there is no output, and refuses another', async (test) => {
    const Small = task('ExecSmall', {}, () => ({ rows: 3 }))
    assert.deepEqual((await execution(test, Small()).done).result, { rows: 3 })
    const Large = task('ExecLarge', {}, () => 'x'.repeat(5_000))
    const { failure } = await execution(test, Large()).done
    assert.match(failure?.message ?? '', /returned 5002 bytes; a result holds up to 4096/)
  })

  it('refuses a result, a checkpoint or a yielded task that holds a secret', async (test) => {
    const secrets = { key: 'Tr0ub4dor&3 "quoted"', pin: '1234' }
    const Tells = task('ExecTells', {}, () => ({
      rows: 1234,
      url: `https://x/?k=${encodeURIComponent(secrets.key)}`,
    }))
    const { failure } = await execution(test, Tells(), { secrets }).done
    assert.match(failure?.message ?? '', /^the result holds the secret `key`/)
    const Keeps = task('ExecKeeps', {}, ({ saveCheckpoint }) => saveCheckpoint({ key: secrets.key }))
    const kept = await execution(test, Keeps(), { secrets }).done
    assert.match(kept.failure?.message ?? '', /^the checkpoint holds the secret `key`/)
    assert.equal(kept.checkpoint, undefined)
    const Asks = task('ExecAsks', { params: { url: z.string() } }, () => 0)
    const Yields = task('ExecYields', {}, async ({ need }) => {
      await need(Asks({ url: `https://x/?k=${secrets.key}` }))
    })
    const yielded = await execution(test, Yields(), { secrets }).done
    assert.equal(yielded.outcome, 'failed')
    assert.match(yielded.failure?.message ?? '', /^a parameter of ExecAsks holds the secret `key`/)
    const Counts = task('ExecCounts', {}, () => ({ rows: 1234 }))
    assert.deepEqual((await execution(test, Counts(), { secrets }).done).result, { rows: 1234 })
  })
})
