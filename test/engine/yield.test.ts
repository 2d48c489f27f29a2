import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Stored } from '../../src/core/change.ts'
import { makeGatheringTask } from '../../src/core/graph.ts'
import { keys } from '../../src/core/keys.ts'
import type { Run } from '../../src/core/records/run.ts'
import { advanceFeed, handleChangedRecords } from '../../src/engine/advance.ts'
import { cancelRun } from '../../src/engine/cancel.ts'
import type { Context } from '../../src/engine/context.ts'
import { finishAttempt } from '../../src/engine/finish.ts'
import { explainWaitingTask } from '../../src/engine/why.ts'
import { FAILED, foundTask, ours, stepwise } from '../support/stepwise.ts'

const DONE = { outcome: 'succeeded' } as const

/** A yield of tasks with these ids, each on its own. */
const yields = (ids: string[], checkpoint?: string) => ({
  outcome: 'yielded' as const,
  yielded: { roots: ids, found: ids.map((id) => foundTask(id)) },
  ...(checkpoint === undefined ? {} : { checkpoint }),
})

describe('a task that yields', () => {
  it('goes on once what it yielded has succeeded, with its checkpoint and what it may read', async () => {
    const { openPlan, take, end, task, run } = stepwise()
    const id = await openPlan('p', [foundTask('t')])
    await end(await ours(await take(id)), yields(['x', 'y'], 'half way'))
    assert.deepEqual([(await task(id)).status, (await task(id)).attempt], ['expanding', 2])
    // 100 gathers them, 101 and 102 are x and y.
    assert.deepEqual([(await task(id, 101)).taskId, (await task(id, 101)).status], ['x', 'queued'])
    await end(await ours(await take(id, 1, 101)), DONE)
    assert.equal((await task(id)).status, 'expanding')
    await end(await ours(await take(id, 1, 102)), DONE)
    const again = await ours(await take(id, 2))
    assert.equal(again.checkpoint, 'half way')
    assert.deepEqual(again.dependencies.map((each) => each.id).sort(), ['x', 'y'])
    await end(again, DONE)
    assert.equal((await run(id)).status, 'succeeded')
  })

  it('and only plans ends with what it yielded, well or not, without another attempt', async () => {
    for (const [ending, expected] of [
      [DONE, 'succeeded'],
      [FAILED, 'upstream_failed'],
    ] as const) {
      const { openPlan, take, end, task, run } = stepwise()
      const command = { argv: [], folder: '.', env: {}, luigi: { plans: { done: [] } } }
      const id = await openPlan('p', [{ ...foundTask('t'), command }])
      await end(await ours(await take(id)), yields(['x']))
      await end(await ours(await take(id, 1, 101)), ending)
      assert.equal((await task(id)).status, expected)
      assert.equal((await run(id)).status, ending === DONE ? 'succeeded' : 'failed')
    }
  })

  it('several times gets a bit for each, and all that it yielded', async () => {
    const { openPlan, take, end, task, run } = stepwise()
    const id = await openPlan('p', [foundTask('t')])
    for (const [attempt, each] of [
      [1, 'x'],
      [2, 'y'],
    ] as const) {
      await end(await ours(await take(id, attempt)), yields([each]))
      await end(await ours(await take(id, 1, attempt * 100 + 1)), DONE)
    }
    const last = await ours(await take(id, 3))
    assert.deepEqual(
      last.dependencies.map((each) => each.id),
      ['x', 'y'],
    )
    assert.equal((await task(id)).upstreams, 2)
    await end(last, DONE)
    assert.equal((await run(id)).status, 'succeeded')
  })

  it('does not run again when what it yielded fails', async () => {
    const { openPlan, take, end, task, run } = stepwise()
    const id = await openPlan('p', [foundTask('t')])
    await end(await ours(await take(id)), yields(['x']))
    await end(await ours(await take(id, 1, 101)), FAILED)
    assert.equal((await task(id)).status, 'upstream_failed')
    assert.equal((await run(id)).status, 'failed')
  })

  it('goes on at once when all is complete', async () => {
    const { openPlan, take, end, task } = stepwise()
    const id = await openPlan('p', [foundTask('t')])
    const found = [foundTask('x', {}, { complete: true })]
    await end(await ours(await take(id)), { outcome: 'yielded', yielded: { roots: ['x'], found } })
    assert.equal((await task(id)).status, 'queued')
  })

  it('fails where what it yields needs the task itself, also through others that yield', async () => {
    const { openPlan, take, end, task } = stepwise()
    const id = await openPlan('p', [foundTask('t')])
    await end(await ours(await take(id)), yields(['x']))
    const back = [foundTask('z', {}, { upstreams: ['t'] }), foundTask('t')]
    await end(await ours(await take(id, 1, 101)), {
      outcome: 'yielded',
      yielded: { roots: ['z'], found: back },
    })
    assert.equal((await task(id, 101)).status, 'failed')
    assert.match((await task(id, 101)).failure?.message ?? '', /need it themselves: T → X → T/)
    assert.equal((await task(id)).status, 'upstream_failed')
  })

  it('says why it waits, and takes what it yielded along when its run is cancelled', async () => {
    const { context, openPlan, take, end, task, run, settle } = stepwise()
    const id = await openPlan('p', [foundTask('t')])
    await end(await ours(await take(id)), yields(['x', 'y']))
    const [reason] = await explainWaitingTask(context, await run(id), await task(id))
    assert.match(reason?.text ?? '', /what it yielded has not ended: X \(queued\), Y \(queued\)/)
    await cancelRun(context, (await run(id)) as Stored<Run>)
    await settle()
    assert.deepEqual([(await task(id)).status, (await task(id, 102)).status], ['cancelled', 'cancelled'])
    assert.equal((await run(id)).status, 'cancelled')
  })

  it('takes along what has its numbers already, whose host stopped before it had put it', async () => {
    const { context, openPlan, take, task, run, settle } = stepwise()
    const id = await openPlan('p', [foundTask('t')])
    await finishAttempt(context, await ours(await take(id)), yields(['x']))
    await assert.rejects(advanceFeed(stoppedAt(context, keys.taskRun(id, 101))), /stopped/)
    await cancelRun(context, (await run(id)) as Stored<Run>)
    await handleChangedRecords(context, [keys.run(id)])
    assert.equal((await run(id)).status, 'cancelled')
    await settle()
    assert.deepEqual([(await task(id, 100)).status, (await task(id, 101)).status], ['cancelled', 'cancelled'])
  })

  it('has no place in a run that is being cancelled', async () => {
    const { context, openPlan, take, run } = stepwise()
    const id = await openPlan('p', [foundTask('t')])
    await finishAttempt(context, await ours(await take(id)), yields(['x']))
    const { store } = context.ports
    const cancelling: typeof store = {
      ...store,
      async write(changes) {
        if (changes.some(({ key }) => key === keys.run(id)))
          await cancelRun(context, (await run(id)) as Stored<Run>)
        return store.write(changes)
      },
    }
    await handleChangedRecords({ ...context, ports: { ...context.ports, store: cancelling } }, [
      keys.taskRun(id, 0),
    ])
    assert.equal((await run(id)).tasks, 1)
  })

  it('has numbers of its own, also where another task of the run yields at the same moment', async () => {
    const { context, openPlan, take, end, task, run } = stepwise()
    const id = await openPlan('p', [
      makeGatheringTask('all', 'all', ['t', 'u']),
      foundTask('t'),
      foundTask('u'),
    ])
    await finishAttempt(context, await ours(await take(id, 1, 1)), yields(['x']))
    await finishAttempt(context, await ours(await take(id, 1, 2)), yields(['y']))
    const { store } = context.ports
    let isFirst = true
    const racing: typeof store = {
      ...store,
      async write(changes) {
        if (isFirst && changes.some(({ key }) => key === keys.run(id))) {
          isFirst = false
          await handleChangedRecords(context, [keys.taskRun(id, 2)])
        }
        return store.write(changes)
      },
    }
    await handleChangedRecords({ ...context, ports: { ...context.ports, store: racing } }, [
      keys.taskRun(id, 1),
    ])
    const [t, u] = [await task(id, 1), await task(id, 2)]
    assert.deepEqual([u.yields, t.yields], [[100], [200]])
    for (const number of [101, 201])
      await end(await ours(await take(id, 1, number)), { outcome: 'succeeded' })
    for (const number of [1, 2]) await end(await ours(await take(id, 2, number)), { outcome: 'succeeded' })
    assert.equal((await run(id)).status, 'succeeded')
  })

  it('of 2,500 tasks gathers them in layers', async () => {
    const { openPlan, take, end, task } = stepwise()
    const id = await openPlan('p', [foundTask('t')])
    const ids = Array.from({ length: 2_500 }, (_, index) => `x${index}`)
    await end(await ours(await take(id)), yields(ids))
    assert.equal((await task(id)).upstreams, 1)
    assert.equal((await task(id, 100 + 2_500)).status, 'queued')
  })

  it('may yield more tasks at once than a call takes arguments', async () => {
    const { openPlan, take, end, task } = stepwise()
    const id = await openPlan('p', [foundTask('t')])
    const found = Array.from({ length: 130_000 }, (_, n) => foundTask(`x${n}`, {}, { complete: true }))
    const roots = found.map((each) => each.id)
    await end(await ours(await take(id)), { outcome: 'yielded', yielded: { roots, found } })
    assert.equal((await task(id)).status, 'queued')
    assert.equal((await ours(await take(id, 2))).dependencies.length, 130_000)
  })
})

/** The same engine on a host that stops before it has written this record. */
function stoppedAt(context: Context, key: string): Context {
  const { store } = context.ports
  const write: typeof store.write = async (changes) => {
    if (changes.some((change) => change.key === key)) throw new Error('stopped')
    return store.write(changes)
  }
  return { ...context, ports: { ...context.ports, store: { ...store, write } } }
}
