import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { pruneRunsBefore } from '../../src/control/prune.ts'
import { type Key, keys } from '../../src/core/keys.ts'
import { auditOpenRuns } from '../../src/engine/audit.ts'
import type { Context } from '../../src/engine/context.ts'
import { finishAttempt } from '../../src/engine/finish.ts'
import { releaseNextTasks } from '../../src/engine/release.ts'
import { Worker } from '../../src/engine/work.ts'
import { foundTask, ours, stepwise } from '../support/stepwise.ts'

const DAY_MS = 24 * 3_600_000

/** Forgets every run that has ended by now. */
const pruneAll = (context: Context) =>
  pruneRunsBefore({ context, logs: { remove: async () => {} } } as never, context.ports.clock.now() + 1)

describe('a run that was forgotten while a process stood still', () => {
  it('is dropped by its worker, which goes on with the next', async () => {
    const engine = stepwise()
    const { context, open, settle, end, take } = engine
    const id = await open('gone')
    const [delivery] = await context.ports.queue.take({ limit: 1, visibilityMs: 1, pools: { default: 1 } })
    assert.ok(delivery !== undefined)
    const { store } = context.ports
    const frozen = {
      ...context,
      ports: {
        ...context.ports,
        clock: { ...context.ports.clock, listen: () => () => new Promise<void>((go) => setImmediate(go)) },
        store: {
          ...store,
          async read(wanted: readonly Key[]) {
            const records = await store.read(wanted)
            if (wanted[0]?.startsWith('task/') && (await engine.run(id)) !== undefined) {
              await end(await ours(await take(id)), { outcome: 'succeeded' })
              assert.deepEqual(await pruneAll(context), [id])
            }
            return records
          },
        } as typeof store,
      },
    }
    const worker = new Worker(frozen, { concurrency: 1 })
    const working = worker.run()
    await context.ports.queue.putBack(delivery, 0)
    while ((await engine.run(id)) !== undefined) await new Promise(setImmediate)
    const next = await open('next')
    while ((await engine.task(next)).status !== 'succeeded') await new Promise(setImmediate)
    worker.stop()
    await working
    await settle()
    assert.equal((await engine.run(next)).status, 'succeeded')
  })

  it('is dropped by the feed and by the audit', async () => {
    const { context, openPlan, take, end, settle, run } = stepwise()
    const { store, plans } = context.ports
    const id = await openPlan('gone', [foundTask('b', {}, { upstreams: ['a'] }), foundTask('a')])
    const claimed = await ours(await take(id, 1, 1))
    const gone = await run(id)
    await plans.remove(id)
    await end(claimed, { outcome: 'succeeded' })
    await settle()
    assert.match((await run(id)).failure?.message ?? '', /no task 1 in the plan/)
    await store.write([{ key: keys.run(id), put: gone }])
    await auditOpenRuns(context)
    assert.match((await run(id)).failure?.message ?? '', /no task/)
  })

  it('gets no task runs again from a release that was under way', async () => {
    const { context, open, take, end, records } = stepwise()
    const id = await open('gone')
    const [before] = await context.ports.store.read([keys.run(id)])
    assert.ok(before !== undefined)
    await end(await ours(await take(id)), { outcome: 'succeeded' })
    const { plans } = context.ports
    const plan = { header: await plans.header(id), tasks: await plans.tasks(id, [0]) }
    await pruneAll(context)
    const remembering = {
      ...plans,
      header: async () => plan.header,
      tasks: async (_: string, numbers: number[]) => (numbers.length === 0 ? [] : plan.tasks),
    }
    const frozen = { ...context, ports: { ...context.ports, plans: remembering } }
    await releaseNextTasks(frozen, { ...before, released: 0 } as never)
    assert.deepEqual(
      [...records.keys()].filter((key) => key.startsWith('task/')),
      [],
    )
  })
})

describe('locks', () => {
  const lockOf = async ({ ports }: Context, id: string) => (await ports.store.read([keys.lock(id)]))[0]

  it('stay as long as an open run was planned before their last use: its task does not run again', async () => {
    const engine = stepwise()
    const { context, clock, open, take, end, targets } = engine
    const older = await open('older')
    const newer = await open('newer')
    clock.advance(DAY_MS)
    await end(await ours(await take(newer)), { outcome: 'succeeded' })
    targets.add('t')
    clock.advance(DAY_MS)
    assert.deepEqual(await pruneAll(context), [newer])
    assert.equal((await take(older)).is, 'settled')
    assert.equal((await engine.task(older)).status, 'complete')
    await engine.settle()
    clock.advance(DAY_MS)
    assert.deepEqual(await pruneAll(context), [older])
    assert.equal(await lockOf(context, 't'), undefined)
  })

  it('of the last minutes stay for a run that is still being planned', async () => {
    const { context, clock, open, take, end } = stepwise()
    const id = await open('p')
    await end(await ours(await take(id)), { outcome: 'succeeded' })
    clock.advance(9 * 60_000)
    assert.deepEqual(await pruneAll(context), [id])
    assert.notEqual(await lockOf(context, 't'), undefined)
  })

  it('are freed before the attempt that holds them is forgotten', async () => {
    const { context, open, take, clock } = stepwise()
    const id = await open('p')
    const claimed = await ours(await take(id))
    await finishAttempt(context, claimed, { outcome: 'succeeded' })
    const key = keys.run(id)
    await context.ports.store.write([{ key, set: { status: 'succeeded', endedAt: clock.now() } }])
    assert.deepEqual(await pruneAll(context), [id])
    const lock = await lockOf(context, 't')
    assert.deepEqual([lock?.holder, lock?.unproven], [undefined, undefined])
  })
})
