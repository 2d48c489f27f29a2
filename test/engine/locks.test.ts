import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Change, Stored } from '../../src/core/change.ts'
import { keys } from '../../src/core/keys.ts'
import type { Lock } from '../../src/core/records/lock-and-limit.ts'
import type { Run } from '../../src/core/records/run.ts'
import type { TaskRun } from '../../src/core/records/task-run.ts'
import { cancelRun } from '../../src/engine/cancel.ts'
import { type ClaimedAttempt, claimAttempt } from '../../src/engine/claim.ts'
import { createPlannedRun } from '../../src/engine/create-run.ts'
import { finishAttempt } from '../../src/engine/finish.ts'
import { freeEndedLocks, wakeLockWaiters } from '../../src/engine/locks.ts'
import { tickDueRecords } from '../../src/engine/tick.ts'
import { elsewhere, FAILED, ours, racing, stepwise } from '../support/stepwise.ts'

describe('two runs that share a task', () => {
  it('run it once: the other waits, then finds the target', async () => {
    const { open, take, end, task, targets } = stepwise()
    const [a, b] = [await open('a'), await open('b')]
    const claimed = await ours(await take(a))
    assert.deepEqual(await take(b), { is: 'settled' })
    assert.equal((await task(b)).status, 'waiting')
    targets.add('t')
    await end(claimed, { outcome: 'succeeded' })
    assert.equal((await task(b)).status, 'queued')
    assert.deepEqual(await take(b), { is: 'settled' })
    assert.equal((await task(b)).status, 'complete')
  })

  it('share its final failure', async () => {
    const { open, take, end, task, run } = stepwise()
    const [a, b] = [await open('a'), await open('b')]
    const claimed = await ours(await take(a))
    await take(b)
    await end(claimed, FAILED)
    assert.equal((await task(b)).status, 'failed')
    assert.match((await task(b)).failure?.message ?? '', /failed in another run: the wire is cut/)
    assert.equal((await run(b)).status, 'failed')
  })

  it('share its back-off', async () => {
    const { open, take, end, clock } = stepwise()
    const [a, b] = [await open('a', 2), await open('b', 2)]
    await end(await ours(await take(a)), FAILED)
    assert.deepEqual(await take(b), { is: 'early', delayMs: 10_000 })
    clock.advance(10_000)
    await ours(await take(b))
  })
})

describe('a task that waits again for a lock', () => {
  /**
   * Run a has freed the lock for which b waits. Two hosts wake b; before the slower one writes what is given, c has taken
   * the lock and b waits anew.
   */
  async function wokenWhile(isBefore: (change: Change) => boolean) {
    const engine = stepwise()
    const { context, open, take, task } = engine
    const [a, b, c] = [await open('a'), await open('b'), await open('c')]
    const first = await ours(await take(a))
    await take(b)
    await finishAttempt(context, first, { outcome: 'interrupted' })
    await freeEndedLocks(context, [(await task(a)) as Stored<TaskRun>])
    const { store } = context.ports
    const lock = async () => (await store.read([keys.lock('t')]))[0] as Stored<Lock>
    let isFirst = true
    let third: ClaimedAttempt | undefined
    const slower = racing(context, async (changes) => {
      if (isFirst) await wakeLockWaiters(context, await lock())
      isFirst = false
      if (third !== undefined || !changes.some(isBefore)) return
      third = await ours(await take(c))
      await take(b)
    })
    await wakeLockWaiters(slower, await lock())
    assert.equal((await task(b)).status, 'waiting')
    return { ...engine, b, third: third as unknown as ClaimedAttempt }
  }

  it('keeps its new wait, and is woken by the next end', async () => {
    const { b, third, end, task } = await wokenWhile(
      (change) => change.key.startsWith(keys.waits(keys.lock('t'))) && change.if !== undefined,
    )
    await end(third, { outcome: 'succeeded' })
    assert.equal((await task(b)).status, 'queued')
  })

  it('is not forgotten where the last of those who waited before has just been woken', async () => {
    const { b, third, end, task } = await wokenWhile((change) => change.key === keys.lock('t'))
    await end(third, { outcome: 'succeeded' })
    assert.equal((await task(b)).status, 'queued')
  })
})

describe('a cancelled run', () => {
  it('takes its back-off along, so that the next run starts at once', async () => {
    const { context, open, take, end, run, settle } = stepwise()
    const a = await open('a', 2)
    await end(await ours(await take(a)), FAILED)
    await cancelRun(context, (await run(a)) as Stored<Run>)
    await settle()
    assert.equal((await run(a)).status, 'cancelled')
    await ours(await take(await open('a', 2)))
  })
})

describe('an attempt', () => {
  it('that lost its lease is repeated for free, and its late end is not believed', async () => {
    const { context, open, take, end, task, clock, settle } = stepwise()
    const a = await open('a')
    const zombie = await ours(await take(a))
    clock.advance(30_001)
    await tickDueRecords(elsewhere(context))
    await settle()
    const { status, attempt, counts } = await task(a)
    assert.deepEqual([status, attempt, counts], ['queued', 2, { lost: 1 }])
    const second = await ours(await take(a, 2))
    assert.equal(await end(zombie, FAILED), false)
    assert.equal(await end(second, { outcome: 'succeeded' }), true)
    assert.equal((await task(a)).status, 'succeeded')
  })

  it('that lost its lease has run out of memory where the platform of its worker says so', async () => {
    const { context, open, take, task, clock, settle } = stepwise()
    const a = await open('a', 2)
    const { task: claimed } = await ours(await take(a))
    clock.advance(30_001)
    const deaths: unknown[] = []
    const { ports, settings } = elsewhere(context)
    const deathOf: typeof ports.deathOf = async (attempt) => {
      deaths.push(attempt)
      return { isOutOfMemory: true, message: 'the memory of the function was full' }
    }
    await tickDueRecords({ settings, ports: { ...ports, deathOf } })
    await settle()
    const { worker, pool, startedAt } = claimed
    assert.deepEqual(deaths, [{ worker, pool, startedAt }])
    const { counts, failure, memoryMb } = await task(a)
    assert.deepEqual(counts, { out_of_memory: 1 })
    assert.deepEqual(failure?.message, 'the memory of the function was full')
    assert.equal(memoryMb, 2 * context.settings.defaultMemoryMb)
  })

  it('runs again after a lost one, and replaces what that left: it proves nothing', async () => {
    const { context, open, take, end, task, clock, settle, targets } = stepwise()
    const a = await open('a')
    assert.equal((await ours(await take(a))).replaces, undefined)
    targets.add('t')
    clock.advance(30_001)
    await tickDueRecords(elsewhere(context))
    await settle()
    const second = await ours(await take(a, 2))
    assert.equal(second.replaces, true)
    await end(second, { outcome: 'succeeded' })
    assert.equal((await task(a)).status, 'succeeded')
    // From now on it is believed.
    const { completeness } = context.ports
    assert.deepEqual(await completeness.areComplete([second.planned]), [true])
  })

  it('that yielded, was throttled or interrupted has not succeeded', async () => {
    for (const outcome of ['throttled', 'interrupted', 'over_budget', 'not_started'] as const) {
      const { context, open, take, end, targets } = stepwise()
      const claimed = await ours(await take(await open('a')))
      targets.add('t')
      await end(claimed, { outcome })
      assert.deepEqual(await context.ports.completeness.areComplete([claimed.planned]), [false], outcome)
    }
  })

  it('is believed from its success on, before its lock is free', async () => {
    const { context, open, take, targets } = stepwise()
    const claimed = await ours(await take(await open('a')))
    targets.add('t')
    const { completeness } = context.ports
    assert.deepEqual(await completeness.areComplete([claimed.planned]), [false])
    await finishAttempt(context, claimed, { outcome: 'succeeded' })
    assert.deepEqual(await completeness.areComplete([claimed.planned]), [true])
  })

  it('of another run that did not succeed proves nothing to a run that was planned before', async () => {
    const { open, take, end, targets } = stepwise()
    const [a, b] = [await open('a', 2), await open('b', 2)]
    const first = await ours(await take(a))
    targets.add('t')
    await end(first, { outcome: 'interrupted' })
    assert.equal((await ours(await take(b))).replaces, true)
  })

  it('goes on whose heartbeat came just before it was declared lost', async () => {
    const { context, open, take, task, clock } = stepwise()
    const a = await open('a')
    await ours(await take(a))
    clock.advance(30_001)
    const late = racing(elsewhere(context), async () => {
      const leaseUntil = clock.steady() + 30_000
      await context.ports.store.write([{ key: keys.taskRun(a, 0), set: { leaseUntil } }])
    })
    await tickDueRecords(late)
    assert.deepEqual([(await task(a)).status, (await task(a)).attempt], ['running', 1])
  })

  it('starts where the lock for which it was about to wait is freed', async () => {
    const { context, open, take, end } = stepwise()
    const [a, b] = [await open('a'), await open('b')]
    let holding: ClaimedAttempt | undefined = await ours(await take(a))
    const freeing = racing(context, async () => {
      const ending = holding
      holding = undefined
      if (ending !== undefined) await end(ending, { outcome: 'interrupted' })
    })
    assert.equal((await claimAttempt(freeing, { run: b, number: 0, attempt: 1 })).is, 'ours')
  })

  it('is not claimed twice, not by an old message, and not before its time', async () => {
    const { open, take, end } = stepwise()
    const a = await open('a', 2)
    const first = await ours(await take(a))
    assert.deepEqual(await take(a), { is: 'settled' })
    await end(first, FAILED)
    assert.deepEqual(await take(a, 1), { is: 'settled' })
    assert.deepEqual(await take(a, 2), { is: 'early', delayMs: 10_000 })
  })
})

describe('a worker', () => {
  it('that was held up does not declare its own attempts lost', async () => {
    const { context, open, take, task, clock, settle } = stepwise()
    const a = await open('a')
    await take(a)
    clock.advance(30_001)
    await tickDueRecords(context)
    await settle()
    assert.equal((await task(a)).status, 'running')
  })
})

describe('a planner', () => {
  it('that thaws after another has taken over overwrites nothing', async () => {
    const { context, open, take, end, task, run, plan } = stepwise()
    const a = await open('a')
    await end(await ours(await take(a)), { outcome: 'succeeded' })
    await createPlannedRun(context, a, plan(1), 'n-old')
    assert.equal((await task(a)).status, 'succeeded')
    assert.equal((await run(a)).status, 'succeeded')
  })
})
