import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Worker } from '../../src/engine/work.ts'
import { foundTask, stepwise } from '../support/stepwise.ts'

describe('a run that cannot be decided', () => {
  it('ends with its reason, and the others go on', async () => {
    const engine = stepwise()
    const { context, openPlan, settle, take, end, run } = engine
    const chain = (name: string) => [
      foundTask(`${name}b`, {}, { upstreams: [`${name}a`] }),
      foundTask(`${name}a`),
    ]
    const [good, bad] = [await openPlan('good', chain('good')), await openPlan('bad', chain('bad'))]
    const { plans } = context.ports
    const claims = await Promise.all([good, bad].map((id) => take(id, 1, 1)))
    context.ports.plans = {
      ...plans,
      tasks: async (id, numbers) => {
        if (id === bad) throw new RangeError('Maximum call stack size exceeded')
        return plans.tasks(id, numbers)
      },
    }
    for (const claim of claims) if (claim.is === 'ours') await end(claim.claimed, { outcome: 'succeeded' })
    await settle()
    await engine.ticked()
    const ended = await run(bad)
    assert.equal(ended.status, 'failed')
    assert.match(ended.failure?.message ?? '', /could not be decided what comes next: Maximum call stack/)
    assert.equal((await engine.task(good, 0)).status, 'queued')
  })

  it('ends its attempts as failed, also where only the end of an attempt cannot be decided', async () => {
    const engine = stepwise()
    const { context, open, run } = engine
    const id = await open('p')
    context.ports.runner = {
      ...context.ports.runner,
      run: async () => {
        throw new TypeError('nothing to read')
      },
    }
    const [delivery] = await context.ports.queue.take({
      limit: 1,
      visibilityMs: 1_000,
      pools: { default: 1 },
    })
    assert.ok(delivery !== undefined)
    await new Worker(context, { concurrency: 1 }).perform(delivery)
    await engine.settle()
    assert.equal((await run(id)).status, 'failed')
    assert.equal((await engine.task(id)).status, 'failed')
    assert.match((await engine.task(id)).failure?.message ?? '', /could not be decided: nothing to read/)
  })

  it('is none where the store itself cannot be used', async () => {
    const { context, open, settle, take, end } = stepwise()
    const id = await open('p')
    const claimed = await take(id)
    context.ports.plans = {
      ...context.ports.plans,
      tasks: async () => {
        throw new Error('the disk has gone')
      },
    }
    assert.equal(claimed.is, 'ours')
    if (claimed.is === 'ours')
      await assert.rejects(end(claimed.claimed, { outcome: 'succeeded' }), /the disk has gone/)
    await assert.rejects(settle(), /the disk has gone/)
  })
})
