import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { makeCurrentCodeQueue, noteDeployedCode } from '../../src/homes/aws/handlers/deployed-code.ts'
import { memoryDeployment } from './deployment.ts'

describe('a worker that outlives a deployment', () => {
  const message = { run: 'p-0123456789abcdef-1', number: 0, attempt: 1 }
  const query = { pools: { default: 1 }, limit: 1, visibilityMs: 1_000 }

  async function worker(code: string | undefined) {
    const { home, context } = memoryDeployment([])
    const { queue } = context.ports
    await queue.send([{ message, delayMs: 0, pool: 'default', priority: 0 }])
    let outdated = 0
    const own = { ...context, settings: { ...context.settings, ...(code === undefined ? {} : { code }) } }
    const current = makeCurrentCodeQueue(
      () => own,
      () => outdated++,
    )(queue)
    const deploy = (next: string) =>
      noteDeployedCode({ ...home, context: { ...context, settings: { ...context.settings, code: next } } })
    return { current, queue, deploy, outdated: () => outdated }
  }

  it('takes what comes while its code is the one that is deployed, or none was noted', async () => {
    const { current, deploy, outdated } = await worker('one')
    const [taken] = await current.take(query)
    assert.deepEqual(taken?.message, message)
    if (taken !== undefined) await current.putBack(taken, 0)
    await deploy('one')
    assert.equal((await current.take(query)).length, 1)
    assert.equal(outdated(), 0)
  })

  it('puts back what it has taken where other code is deployed, for the next one', async () => {
    const { current, queue, deploy, outdated } = await worker('one')
    await deploy('one')
    await deploy('two')
    assert.deepEqual(await current.take(query), [])
    assert.equal(outdated(), 1)
    assert.equal((await queue.take(query)).length, 1)
  })
})
