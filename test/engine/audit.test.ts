import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Change } from '../../src/core/change.ts'
import { keys } from '../../src/core/keys.ts'
import type { Ending } from '../../src/core/ports/working.ts'
import { auditOpenRuns } from '../../src/engine/audit.ts'
import { finishAttempt } from '../../src/engine/finish.ts'
import { foundTask, ours, stepwise } from '../support/stepwise.ts'

const DONE: Ending = { outcome: 'succeeded' }
const SIX_MINUTES_MS = 6 * 60_000

/** A run of a root and six leaves below it whose pages hold two tasks. */
async function opened() {
  const engine = stepwise()
  engine.context.settings.page = 2
  const leaves = Array.from({ length: 6 }, (_, index) => foundTask(`leaf-${index}`))
  const root = foundTask('root', {}, { upstreams: leaves.map(({ id }) => id) })
  const id = await engine.openPlan('p', [root, ...leaves])
  /** Forgets what has changed, as a defect would. */
  const forget = async () => {
    const { feed } = engine.context.ports
    await feed.acknowledge(await feed.take(1_000))
  }
  return { ...engine, id, forget }
}

describe('an audit', () => {
  it('finds nothing to repair in a run that goes on, whatever is on its way', async () => {
    const { context, id, take, end, clock } = await opened()
    await end(await ours(await take(id, 1, 1)), DONE)
    const second = await ours(await take(id, 1, 2))
    clock.advance(SIX_MINUTES_MS)
    assert.equal(await auditOpenRuns(context), 0)
    await finishAttempt(context, second, DONE)
    assert.equal(await auditOpenRuns(context), 0)
  })

  it('does what was owed to tasks of every page, and counts it once', async () => {
    const { context, id, take, task, clock, forget } = await opened()
    for (let number = 1; number <= 6; number++) {
      await finishAttempt(context, await ours(await take(id, 1, number)), DONE)
      await forget()
    }
    assert.equal((await task(id)).status, 'pending')
    clock.advance(SIX_MINUTES_MS)
    assert.ok((await auditOpenRuns(context)) >= 6)
    assert.equal((await task(id)).status, 'queued')
    assert.equal(await auditOpenRuns(context), 0)
  })

  it('wakes those who wait for a lock that was freed without their being told', async () => {
    const { context, id, take, task, clock, forget, openPlan } = await opened()
    const holding = await ours(await take(id, 1, 1))
    const other = await openPlan('q', [foundTask('leaf-0')])
    await take(other, 1, 0)
    assert.equal((await task(other)).status, 'waiting')
    await finishAttempt(context, holding, DONE)
    const free: Change = {
      key: keys.lock('leaf-0'),
      set: { holder: undefined, lastEndAt: clock.steady() },
      if: { holder: `${id}/1/1` },
    }
    await context.ports.store.write([free])
    await forget()
    clock.advance(SIX_MINUTES_MS)
    assert.ok((await auditOpenRuns(context)) > 0)
    assert.equal((await task(other)).status, 'queued')
  })
})
