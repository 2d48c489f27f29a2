import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type ServedScheduler, serveScheduler } from './served.ts'

const W = 'w'
const add = (served: ServedScheduler, task_id: string, more: object = {}) =>
  served.call('add_task', { worker: W, task_id, ...more })

describe('the order in which tasks are handed out', () => {
  it('is priority, then age, then the order in which they came', async (test) => {
    const served = await serveScheduler(test)
    await add(served, 'young')
    served.now = 900
    await add(served, 'old')
    await add(served, 'second')
    await add(served, 'urgent', { priority: 10 })
    const order = [await served.work(W), await served.work(W), await served.work(W), await served.work(W)]
    assert.deepEqual(order, ['urgent', 'old', 'second', 'young'])
  })

  it('has no external task: nobody can run it, and what depends on it waits', async (test) => {
    const served = await serveScheduler(test)
    await add(served, 'external', { runnable: false })
    await add(served, 'A', { deps: ['external'] })
    assert.equal(await served.work(W), null)
    assert.deepEqual(
      Object.keys(await served.call('task_list', { upstream_status: 'UPSTREAM_MISSING_INPUT' })),
      ['external', 'A'],
    )
    assert.equal(await served.work('helper', { assistant: true }), null)
  })

  it('takes null for a worker that cannot run a task', async (test) => {
    const served = await serveScheduler(test)
    await add(served, 'A', { runnable: null })
    assert.equal(await served.work(W), null)
  })

  it('gives a worker its own tasks, and an assistant all', async (test) => {
    const served = await serveScheduler(test)
    await add(served, 'A')
    assert.equal(await served.work('other'), null)
    assert.equal(await served.work('helper', { assistant: true }), 'A')
    const [helper] = (await served.call('worker_list')).filter(
      ({ name }: { name: string }) => name === 'helper',
    )
    assert.deepEqual([helper.assistant, helper.num_running], [true, 1])
    await served.call('add_task', {
      worker: 'helper',
      task_id: 'A',
      status: 'DONE',
      assistant: true,
      runnable: null,
    })
    assert.deepEqual((await served.call('task_list')).A.workers, [W], 'a helper is never among its workers')
  })
})

describe('resources of the Luigi scheduler', () => {
  it('are never exceeded, and one that nobody has set is 1', async (test) => {
    const served = await serveScheduler(test, { resources: { r: 3 } })
    await served.call('add_worker', { worker: W, info: [['workers', 10]] })
    for (const id of ['A', 'B', 'C']) await add(served, id, { resources: { r: 2 } })
    await add(served, 'D', { resources: { unset: 1 } })
    await add(served, 'E', { resources: { unset: 1 } })
    await add(served, 'F', { resources: { unset: 2 } })
    await add(served, 'G', { resources: { r: 1 } })
    const got = []
    for (let n = 0; n < 5; n++) got.push(await served.work(W))
    assert.deepEqual(got, ['A', 'D', 'G', null, null], 'what cannot run now keeps nothing from others')
    await served.call('update_resource', { resource: 'r', amount: 5 })
    assert.equal(await served.work(W), 'B')
    assert.deepEqual(
      (await served.call('resource_list')).map((each: object) => ({ ...each, running: undefined })),
      [{ name: 'r', num_total: 5, num_used: 5, num_consumer: 3, running: undefined }],
    )
  })

  it('are reserved for a more urgent task of another worker that has a free process', async (test) => {
    const served = await serveScheduler(test)
    await served.call('add_task', { worker: 'x', task_id: 'urgent', priority: 5, resources: { r: 1 } })
    await add(served, 'A', { resources: { r: 1 } })
    assert.equal(await served.work(W), 'A', 'the other worker has never asked: nothing is kept for it')
    await add(served, 'A', { status: 'DONE' })
    await served.call('add_task', { worker: 'x', task_id: 'first', priority: 9 })
    await served.call('add_task', { worker: 'x', task_id: 'more', priority: 9, resources: { q: 1 } })
    assert.equal(await served.work('x'), 'first')
    await add(served, 'B', { resources: { r: 1 } })
    assert.equal(await served.work(W), 'B', 'its only process is taken by the task that it runs')
    await add(served, 'B', { status: 'DONE' })
    await served.call('add_worker', { worker: 'x', info: { workers: 3 } })
    await add(served, 'C', { resources: { r: 1 } })
    assert.equal(await served.work(W), null, 'now one of its processes is free for the urgent task')
    served.now += 11
    assert.equal(await served.work(W), 'C', 'it has not asked for a while')
  })

  it('can be given back while a task runs', async (test) => {
    const served = await serveScheduler(test, { resources: { r: 3 } })
    await served.call('add_worker', { worker: W, info: { workers: 2 } })
    await add(served, 'A', { resources: { r: 3 } })
    await add(served, 'B', { resources: { r: 1 } })
    assert.equal(await served.work(W), 'A')
    assert.equal(await served.work(W), null)
    await served.call('decrease_running_task_resources', { task_id: 'A', decrease_resources: { r: 1, x: 4 } })
    await served.call('decrease_running_task_resources', { task_id: 'A', decrease_resources: { r: -5 } })
    const left = await served.call('get_running_task_resources', { task_id: 'A' })
    assert.deepEqual(left, { taskId: 'A', resources: { r: 2 } })
    assert.equal(await served.work(W), 'B')
    await served.call('decrease_running_task_resources', { task_id: 'A', decrease_resources: { r: 9 } })
    assert.deepEqual((await served.call('get_running_task_resources', { task_id: 'A' })).resources, { r: 0 })
    assert.deepEqual((await served.call('task_list')).A.resources, { r: 3 })
  })

  it('take whole numbers that are not negative', async (test) => {
    const { call } = await serveScheduler(test)
    assert.equal(await call('update_resource', { resource: 'r', amount: 0 }), true)
    for (const amount of [-1, 1.5, '2', null, true])
      assert.equal(await call('update_resource', { resource: 'r', amount }), false)
    assert.equal(await call('update_resources', { r: 2, q: 3 }), null)
    const totals = (await call('resource_list')).map(({ name, num_total }: Record<string, unknown>) => [
      name,
      num_total,
    ])
    assert.deepEqual(totals, [['r', 2], ['q', 3]]) // biome-ignore format: a table
  })
})

describe('what is handed out again', () => {
  it('is a running task that its worker does not know of: the answer was lost', async (test) => {
    const served = await serveScheduler(test)
    await add(served, 'A')
    await add(served, 'B')
    assert.equal(await served.work(W, { current_tasks: [] }), 'A')
    assert.equal(await served.work(W, { current_tasks: [] }), 'A')
    assert.equal(await served.work(W, { current_tasks: ['A'] }), 'B')
    assert.equal(await served.work(W), null, 'without a list nothing is known to be lost')
    await served.call('pause')
    assert.equal(await served.work(W, { current_tasks: ['A'] }), 'B', 'also if the scheduler is paused')
  })

  it('is nothing while the scheduler is paused', async (test) => {
    const served = await serveScheduler(test)
    await add(served, 'A')
    await served.call('pause')
    served.reopen()
    assert.deepEqual(await served.call('is_paused'), { paused: true })
    assert.equal(await served.work(W), null)
    await served.call('unpause')
    assert.equal(await served.work(W), 'A')
  })

  it('cannot be paused if pausing is switched off', async (test) => {
    const served = await serveScheduler(test, { config: { pause_enabled: false } })
    await served.call('pause')
    assert.deepEqual(await served.call('is_paused'), { paused: false })
    assert.deepEqual(await served.call('is_pause_enabled'), { enabled: false })
  })
})

describe('what a worker still has to do', () => {
  it('counts pending and failed tasks, also the one that it gets', async (test) => {
    const served = await serveScheduler(test)
    await add(served, 'A')
    await add(served, 'B')
    await served.call('add_task', { worker: 'x', task_id: 'B' })
    await add(served, 'C', { status: 'DONE' })
    const { task_id, n_pending_tasks, n_unique_pending, n_pending_last_scheduled } = await served.call(
      'get_work',
      {
        worker: W,
      },
    )
    assert.deepEqual([task_id, n_pending_tasks, n_unique_pending, n_pending_last_scheduled], ['A', 2, 1, 1])
    await add(served, 'A', { status: 'FAILED' })
    assert.deepEqual(await served.call('count_pending', { worker: W }), {
      n_pending_tasks: 2,
      n_unique_pending: 1,
      n_pending_last_scheduled: 1,
      worker_state: 'active',
      running_tasks: [],
    })
  })

  it('names what runs of its tasks, with what is known of the worker that runs it', async (test) => {
    const served = await serveScheduler(test)
    await add(served, 'A')
    await served.call('add_task', { worker: 'x', task_id: 'A' })
    await served.call('add_worker', { worker: 'x', info: [['host', 'h']] })
    assert.equal(await served.work('x'), 'A')
    const { running_tasks } = await served.call('count_pending', { worker: W })
    assert.deepEqual(running_tasks, [{ task_id: 'A', worker: 'x', host: 'h' }])
  })

  it('leaves out what waits for a disabled task, however far upstream, and also around a cycle', async (test) => {
    const served = await serveScheduler(test)
    const count = async () => (await served.call('count_pending', { worker: W })).n_pending_tasks
    await add(served, 'D', { status: 'DISABLED' })
    await add(served, 'C', { deps: ['D', 'A'] })
    await add(served, 'B', { deps: ['C'] })
    await add(served, 'A', { deps: ['B'] })
    await add(served, 'free')
    assert.equal(await count(), 1)
    assert.equal(await served.work(W), 'free')
    await add(served, 'free', { status: 'DONE' })
    assert.equal(await count(), 0)
    await add(served, 'C', { deps: [] })
    assert.equal(await count(), 3)
    await add(served, 'C', { deps: ['D'] })
    await add(served, 'D')
    assert.equal(await count(), 4)
  })

  it('is nothing for a worker that was disabled, which gets no work any more', async (test) => {
    const served = await serveScheduler(test)
    await add(served, 'A')
    await add(served, 'B')
    assert.equal(await served.work(W), 'A')
    await served.call('disable_worker', { worker: W })
    assert.deepEqual(await served.call('get_work', { worker: W }), {
      n_pending_tasks: 0,
      running_tasks: [],
      task_id: null,
      n_unique_pending: 0,
      worker_state: 'disabled',
    })
    await add(served, 'C')
    await add(served, 'B', { status: 'DONE' })
    await add(served, 'A', { status: 'DONE' })
    assert.deepEqual(
      await served.statuses(),
      { A: 'DONE', B: 'PENDING' },
      'only what it runs it can still end',
    )
  })
})
