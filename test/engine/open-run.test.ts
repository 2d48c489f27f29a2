import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { keys } from '../../src/core/keys.ts'
import { mustHave } from '../../src/core/must-have.ts'
import { handleChangedRecords } from '../../src/engine/advance.ts'
import { cancelRun } from '../../src/engine/cancel.ts'
import type { Context } from '../../src/engine/context.ts'
import { finishAttempt } from '../../src/engine/finish.ts'
import { findOpenRun, joinOrOpenRun, joinOrReserveRun } from '../../src/engine/open-run.ts'
import { foundTask, ours, racing, stepwise } from '../support/stepwise.ts'

const REQUEST = { name: 'p', family: 'T', params: {}, significant: {} }

describe('a request', () => {
  it('has one open run, also where others have opened, ended and forgotten one while it was being planned', async () => {
    const { context, open, take, end, plan } = stepwise()
    let theirs = ''
    const makePlan = async () => {
      if (theirs !== '') return plan(1)
      const first = await open('p')
      await end(await ours(await take(first)), { outcome: 'succeeded' })
      await context.ports.store.write([{ key: keys.run(first), remove: true }])
      theirs = await open('p')
      return plan(1)
    }
    assert.deepEqual(await joinOrOpenRun(context, REQUEST, makePlan), { run: theirs, opened: false })
    assert.equal((await findOpenRun(context, REQUEST))?.id, theirs)
  })
})

describe('a run that another planner has planned, and that is forgotten before this one looks', () => {
  it('is asked for anew', async () => {
    const { context, plan } = stepwise()
    const { plans, store } = context.ports
    let isForgotten = false
    const save: typeof plans.save = async (run, saved) => {
      if (isForgotten) return plans.save(run, saved)
      isForgotten = true
      await store.write([{ key: keys.run(run), remove: true }])
      return false
    }
    const late = { ...context, ports: { ...context.ports, plans: { ...plans, save } } }
    const { run, opened } = await joinOrOpenRun(late, REQUEST, async () => plan(1))
    assert.ok(opened)
    assert.match(run, /-2$/)
  })
})

describe('the run of an interval that a schedule has opened', () => {
  const interval = { start: 0, end: 1 }
  const asks = (lastRun?: string) => ({
    ...REQUEST,
    interval,
    schedule: lastRun === undefined ? {} : { lastRun },
  })

  async function cancel(context: Context, id: string) {
    const [run] = await context.ports.store.read([keys.run(id)])
    await cancelRun(context, mustHave(run, 'run'))
  }

  it('is found after its end by a look that did not note it, and is followed by another one after that', async () => {
    const { context, plan, settle } = stepwise()
    const ask = (lastRun?: string) => joinOrOpenRun(context, asks(lastRun), async () => plan(1))
    const { run, opened } = await ask()
    assert.ok(opened)
    await cancel(context, run)
    await settle()
    assert.deepEqual(await ask(), { run, opened: false })
    assert.deepEqual(await joinOrReserveRun(context, asks()), { run, opened: false })
    const next = await ask(run)
    assert.ok(next.opened)
    assert.deepEqual(await ask(run), { run: next.run, opened: false })
  })

  it('is another one than a run that a person had for the same interval before', async () => {
    const { context, plan, settle } = stepwise()
    const first = await joinOrOpenRun(context, { ...REQUEST, interval }, async () => plan(1))
    await cancel(context, first.run)
    await settle()
    const { run, opened } = await joinOrOpenRun(context, asks(), async () => plan(1))
    assert.ok(opened)
    assert.notEqual(run, first.run)
  })
})

describe('a planned task', () => {
  it('waits only for those of its upstreams that were not complete', async () => {
    const { openPlan, take, end, task } = stepwise()
    const run = await openPlan('p', [
      foundTask('all', {}, { upstreams: ['made', 'open'] }),
      foundTask('made', {}, { complete: true }),
      foundTask('open'),
    ])
    assert.equal((await task(run)).status, 'pending')
    await end(await ours(await take(run, 1, 2)), { outcome: 'succeeded' })
    assert.equal((await task(run)).status, 'queued')
  })

  it('starts after the last of its upstreams, also where two hosts handle two ends at once', async () => {
    const { context, openPlan, take, task } = stepwise()
    const leaves = [foundTask('x'), foundTask('y')]
    const run = await openPlan('p', [foundTask('all', {}, { upstreams: ['x', 'y'] }), ...leaves])
    for (const number of [1, 2])
      await finishAttempt(context, await ours(await take(run, 1, number)), { outcome: 'succeeded' })
    let isFirst = true
    const slower = racing(context, async (changes) => {
      if (!isFirst || !changes.some(({ key }) => key === keys.taskRun(run, 0))) return
      isFirst = false
      await handleChangedRecords(context, [keys.taskRun(run, 2)])
    })
    await handleChangedRecords(slower, [keys.taskRun(run, 1)])
    assert.equal((await task(run)).status, 'queued')
  })
})

describe('a run whose planner never comes', () => {
  it('fails a minute after that, and the next request opens the next one', async () => {
    const { context, clock, ticked, run, open } = stepwise()
    const reserved = await joinOrReserveRun(context, REQUEST)
    clock.advance(59_999)
    await ticked()
    assert.equal((await run(reserved.run)).status, 'planning')
    clock.advance(1)
    await ticked()
    assert.equal((await run(reserved.run)).status, 'failed')
    assert.match((await run(reserved.run)).failure?.message ?? '', /its planner ended .* ask for it again/)
    assert.notEqual(await open('p'), reserved.run)
  })
})

describe('a run that waits for its planner', () => {
  it('is not given up while a large plan is made, and may be planned by another if that fails', async () => {
    const { context, clock, ticked, run, plan } = stepwise()
    const reserved = await joinOrReserveRun(context, REQUEST)
    const fails = joinOrOpenRun(context, REQUEST, () => Promise.reject(new Error('no such luck')))
    await assert.rejects(fails, /no such luck/)
    const slowly = async () => {
      clock.advance(5 * 60_000)
      await ticked()
      return plan(1)
    }
    assert.deepEqual(await joinOrOpenRun(context, REQUEST, slowly), { run: reserved.run, opened: true })
    assert.equal((await run(reserved.run)).status, 'running')
  })
})
