import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { countTasks } from '../../src/control/count-tasks.ts'
import type { Stored } from '../../src/core/change.ts'
import { numberPlanTasks } from '../../src/core/graph.ts'
import { keys } from '../../src/core/keys.ts'
import type { Run } from '../../src/core/records/run.ts'
import type { TaskRun } from '../../src/core/records/task-run.ts'
import { advanceFeed, handleChangedRecords } from '../../src/engine/advance.ts'
import { cancelRun } from '../../src/engine/cancel.ts'
import { makeTaskRun } from '../../src/engine/create-run.ts'
import { joinOrOpenRun } from '../../src/engine/open-run.ts'
import { foundTask, ours, racing, stepwise } from '../support/stepwise.ts'

/** A root and 1,200 tasks below it that nothing holds back, which takes three chunks; nothing has been released. */
async function planned() {
  const engine = stepwise()
  const { context, clock } = engine
  const leaves = Array.from({ length: 1_200 }, (_, number) => foundTask(`leaf-${number}`))
  const root = foundTask('root', {}, { upstreams: leaves.map(({ id }) => id) })
  const plan = numberPlanTasks('p', [root, ...leaves], clock.now())
  const request = { name: 'p', family: 'T', params: {}, significant: {} }
  const { run } = await joinOrOpenRun(context, request, async () => plan)
  const view = async () => countTasks({ context } as never, (await engine.run(run)) as never)
  return { ...engine, id: run, plan, view }
}

describe('a task that nothing holds back', () => {
  it('has no record before it is released, and is shown as pending', async () => {
    const { context, id, task, view, settle } = await planned()
    assert.equal(await task(id, 1), undefined)
    assert.deepEqual(await view(), { pending: 1_201 })
    await advanceFeed(context)
    assert.equal((await task(id, 1)).status, 'queued')
    assert.deepEqual(await view(), { pending: 701, queued: 500 })
    await settle()
    assert.deepEqual(await view(), { pending: 1, queued: 1_200 })
  })

  it('is cancelled with its run, released or not', async () => {
    const { context, id, run, view, settle } = await planned()
    await advanceFeed(context)
    assert.equal(await cancelRun(context, (await run(id)) as never), true)
    await settle()
    assert.equal((await run(id)).status, 'cancelled')
    assert.deepEqual(await view(), { cancelled: 1_201 })
  })

  it('is never queued where its run was cancelled before it was released', async () => {
    const { context, id, run, task } = await planned()
    await advanceFeed(context)
    await cancelRun(context, (await run(id)) as never)
    await handleChangedRecords(context, [keys.run(id)])
    assert.equal((await task(id, 501)).status, 'cancelled')
  })

  it('is queued once, also where an older planner has put it as pending, or a release is done again', async () => {
    const { context, id, plan, records, task, view, settle } = await planned()
    const leaf = plan.tasks[1] as (typeof plan.tasks)[number]
    await context.ports.store.write([{ key: keys.taskRun(id, 1), put: makeTaskRun(id, leaf, () => true) }])
    await settle()
    assert.deepEqual(await view(), { pending: 1, queued: 1_200 })
    assert.equal((await task(id, 1)).status, 'queued')
    const before = new Map(records)
    await context.ports.store.write([{ key: keys.run(id), set: { released: 0 } }])
    await settle()
    const changed = [...records].filter(([key, record]) => before.get(key) !== record)
    assert.deepEqual(
      changed.map(([, record]) => (record as unknown as TaskRun).kind),
      ['run'],
    )
  })
})

describe('a run that a person cancels', () => {
  it('stays as it ended where it has ended meanwhile', async () => {
    const { context, open, take, end, run } = stepwise()
    const id = await open('p')
    const before = (await run(id)) as Stored<Run>
    await end(await ours(await take(id)), { outcome: 'succeeded' })
    assert.equal(await cancelRun(context, before), false)
    const { status, cancelledAt } = await run(id)
    assert.deepEqual([status, cancelledAt], ['succeeded', undefined])
  })

  it('leaves a task to the worker that has claimed it meanwhile', async () => {
    const { context, open, run, task } = stepwise()
    const id = await open('p')
    await cancelRun(context, (await run(id)) as Stored<Run>)
    const { store } = context.ports
    const key = keys.taskRun(id, 0)
    const claimed = racing(context, async (changes) => {
      if (changes.some((change) => change.key === key))
        await store.write([{ key, set: { status: 'running', nonce: 'theirs' } }])
    })
    await handleChangedRecords(claimed, [keys.run(id)])
    assert.deepEqual([(await task(id)).status, (await run(id)).status], ['running', 'running'])
  })
})
