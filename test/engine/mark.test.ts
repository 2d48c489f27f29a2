import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { keys } from '../../src/core/keys.ts'
import { markTasksSucceeded } from '../../src/engine/mark.ts'
import { foundTask, ours, stepwise } from '../support/stepwise.ts'

async function opened() {
  const engine = stepwise()
  const id = await engine.openPlan('p', [foundTask('root', {}, { upstreams: ['leaf'] }), foundTask('leaf')])
  return { ...engine, id }
}

describe('a task that a person counts as succeeded', () => {
  it('ends where it is queued, and its dependents go on', async () => {
    const { context, id, task, settle } = await opened()
    assert.equal(await markTasksSucceeded(context, id, [1]), 1)
    await settle()
    assert.deepEqual([(await task(id, 1)).status, (await task(id)).status], ['succeeded', 'queued'])
  })

  it('stays as it is where its upstreams can still move: its run would end before them', async () => {
    const { context, id, task, run } = await opened()
    assert.equal(await markTasksSucceeded(context, id, [0]), 0)
    assert.deepEqual([(await task(id)).status, (await run(id)).status], ['pending', 'running'])
  })

  it('stays as it is where a worker claims it at the same moment', async () => {
    const { context, id, task, take } = await opened()
    const { store } = context.ports
    const claiming = {
      ...store,
      write: async (changes: Parameters<typeof store.write>[0]) => {
        await ours(await take(id, 1, 1))
        return store.write(changes)
      },
    }
    const meanwhile = { ...context, ports: { ...context.ports, store: claiming } }
    assert.equal(await markTasksSucceeded(meanwhile, id, [1]), 0)
    assert.equal((await task(id, 1)).status, 'running')
    assert.equal((await store.read([keys.lock('leaf')]))[0]?.kind, 'lock')
  })
})
