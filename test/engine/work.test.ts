import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Change, Stored } from '../../src/core/change.ts'
import type { Ending, JobHooks } from '../../src/core/ports/working.ts'
import type { Run } from '../../src/core/records/run.ts'
import { cancelRun } from '../../src/engine/cancel.ts'
import { cancelTasks } from '../../src/engine/cancel-tasks.ts'
import { Worker } from '../../src/engine/work.ts'
import { stepwise } from '../support/stepwise.ts'
import { untyped } from '../support/untyped-change.ts'

/** A worker that is given the only message of a run; its bodies run until `end` is called. */
async function working(slow: (changes: readonly Change[]) => number = () => 0) {
  const engine = stepwise()
  const { ports } = engine.context
  const bodies: JobHooks[] = []
  const extended: number[] = []
  const ended = Promise.withResolvers<Ending>()
  const { store } = ports
  ports.store = {
    ...store,
    async write(changes) {
      const result = await store.write(changes)
      engine.clock.advance(slow(changes))
      return result
    },
  }
  ports.runner = {
    ...ports.runner,
    extendLease: (_, leaseMs) => extended.push(leaseMs),
    run: (_, hooks) => {
      bodies.push(hooks)
      return ended.promise
    },
  }
  const run = await engine.open('p')
  const pools = { default: 1 }
  const [delivery] = await ports.queue.take({ limit: 1, visibilityMs: 1_000, pools })
  assert.ok(delivery !== undefined)
  const worker = new Worker(engine.context, { concurrency: 1 })
  const performed = worker.perform(delivery)
  /** Returns once the body runs, or its attempt is over. */
  const begun = async () => {
    for (let looks = 0; looks < 100 && bodies.length === 0; looks++) await Promise.resolve()
  }
  const end = async () => {
    ended.resolve({ outcome: 'succeeded' })
    await performed
  }
  return { ...engine, id: run, worker, bodies, extended, performed, begun, end }
}

describe('a worker', () => {
  for (const hours of [-1, 1])
    it(`extends its leases by the steady clock, also where the wall clock is ${hours} h beside it`, async () => {
      const { context, clock, worker, extended, begun, end } = await working()
      await begun()
      context.ports.clock = { ...context.ports.clock, now: () => clock.now() + hours * 3_600_000 }
      await worker.extendLeases()
      assert.deepEqual(extended, [context.settings.leaseMs])
      await end()
    })

  it('asks the body of a cancelled run to stop with its next heartbeat', async () => {
    const { context, id, run, worker, bodies, begun, end, settle } = await working()
    await begun()
    await worker.extendLeases()
    assert.equal(bodies[0]?.stop.reason, undefined)
    await cancelRun(context, (await run(id)) as Stored<Run>)
    await worker.extendLeases()
    assert.equal(bodies[0]?.stop.reason, 'cancelled')
    await settle()
    assert.equal((await run(id)).status, 'running', 'its run ends after the body')
    await end()
  })

  it('asks the body of a task that was cancelled alone to stop, and keeps its lease until it has', async () => {
    const { context, id, task, worker, bodies, extended, begun, end } = await working()
    await begun()
    assert.deepEqual(await cancelTasks(context, id, [0]), { cancelled: 1, left: 0 })
    await worker.extendLeases()
    assert.equal(bodies[0]?.stop.reason, 'cancelled')
    await worker.extendLeases()
    assert.deepEqual([extended.length, (await task(id)).status], [2, 'running'])
    await end()
  })

  it('starts no body where it was held up until the lease of its claim had ended', async () => {
    const claims = (changes: readonly Change[]) =>
      untyped(changes).some(
        (change) => 'set' in change && change.set.status === 'running' && 'leaseUntil' in change.set,
      )
    const { id, bodies, begun, end, task, settle } = await working((changes) =>
      claims(changes) ? 30_000 : 0,
    )
    await begun()
    await end()
    assert.equal(bodies.length, 0)
    await settle()
    const { status, attempt, counts } = await task(id)
    assert.deepEqual([status, attempt, counts], ['queued', 2, { not_started: 1 }])
  })

  it('counts a renewed lease from when it asked for it', async () => {
    const renews = (changes: readonly Change[]) =>
      changes.some((change) => 'set' in change && 'leaseUntil' in change.set && !('status' in change.set))
    const { worker, extended, begun, end } = await working((changes) => (renews(changes) ? 20_000 : 0))
    await begun()
    await worker.extendLeases()
    assert.deepEqual(extended, [10_000])
    await end()
  })
})
