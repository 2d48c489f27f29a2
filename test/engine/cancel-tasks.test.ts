import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { cancelTasks } from '../../src/engine/cancel-tasks.ts'
import { foundTask, ours, stepwise } from '../support/stepwise.ts'

/** A root over two leaves. */
async function opened() {
  const engine = stepwise()
  const id = await engine.openPlan('p', [
    foundTask('root', {}, { upstreams: ['a', 'b'] }),
    foundTask('a'),
    foundTask('b'),
  ])
  return { ...engine, id }
}

describe('a task that a person cancels', () => {
  it('ends where it is queued; the run goes on, and fails at its end', async () => {
    const { context, id, task, run, settle, take, end } = await opened()
    assert.deepEqual(await cancelTasks(context, id, [1]), { cancelled: 1, left: 0 })
    await settle()
    assert.deepEqual([(await task(id, 1)).status, (await task(id)).status], ['cancelled', 'pending'])
    const claimed = await ours(await take(id, 1, 2))
    await end(claimed, { outcome: 'succeeded' })
    await settle()
    assert.deepEqual([(await task(id)).status, (await run(id)).status], ['upstream_failed', 'failed'])
  })

  it('ends as cancelled once its upstreams have ended, and changes nothing the second time', async () => {
    const { context, id, task, run, settle, take, end } = await opened()
    assert.deepEqual(await cancelTasks(context, id, [0]), { cancelled: 1, left: 0 })
    assert.deepEqual(await cancelTasks(context, id, [0]), { cancelled: 0, left: 0 })
    assert.equal((await task(id)).status, 'pending')
    for (const number of [1, 2]) await end(await ours(await take(id, 1, number)), { outcome: 'succeeded' })
    await settle()
    assert.deepEqual([(await task(id)).status, (await run(id)).status], ['cancelled', 'failed'])
  })

  it('is not tried again when the body that ran has failed or was lost', async () => {
    const { context, id, task, settle, take, end } = await opened()
    const claimed = await ours(await take(id, 1, 1))
    assert.deepEqual(await cancelTasks(context, id, [1]), { cancelled: 1, left: 0 })
    assert.equal((await task(id, 1)).status, 'running')
    await end(claimed, { outcome: 'lost', failure: { outcome: 'lost', message: 'gone' } })
    await settle()
    assert.equal((await task(id, 1)).status, 'cancelled')
  })

  it('stays as it ended', async () => {
    const { context, id, task, settle, take, end } = await opened()
    await end(await ours(await take(id, 1, 1)), { outcome: 'succeeded' })
    await settle()
    assert.deepEqual(await cancelTasks(context, id, [1]), { cancelled: 0, left: 0 })
    assert.equal((await task(id, 1)).cancelledAt, undefined)
  })
})
