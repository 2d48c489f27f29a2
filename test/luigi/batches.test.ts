import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type ServedScheduler, serveScheduler } from './served.ts'

const W = 'w'
const batcher = (served: ServedScheduler, max_batch_size: number | string = 100) =>
  served.call('add_task_batcher', { worker: W, task_family: 'F', batched_args: ['n'], max_batch_size })
const add = (served: ServedScheduler, n: number, more: object = {}) =>
  served.call('add_task', {
    worker: W,
    task_id: `F_${n}`,
    family: 'F',
    params: { n: String(n), day: 'monday' },
    batchable: true,
    ...more,
  })

/** A batch of three that its worker has begun. */
async function runBatch(served: ServedScheduler): Promise<void> {
  await batcher(served)
  for (const n of [1, 2, 3]) await add(served, n, { resources: { r: 1 } })
  const { batch_id } = await served.call('get_work', { worker: W })
  await served.call('add_task', { worker: W, task_id: 'F_all', status: 'RUNNING', batch_id, runnable: false })
}

describe('batches of the Luigi scheduler', () => {
  it('put together what differs only in the batched parameters, by rank, up to their size', async (test) => {
    const served = await serveScheduler(test)
    await batcher(served, 3)
    for (const n of [1, 2, 3, 4]) await add(served, n)
    await add(served, 5, { priority: 1 })
    await add(served, 6, { priority: 2, params: { n: '6', day: 'sunday' } })
    await add(served, 7, { priority: 2, resources: { r: 1 } })
    await add(served, 8, { priority: 3, batchable: false })
    assert.equal(await served.work(W), 'F_8')
    assert.equal(await served.work(W), 'F_6')
    assert.equal(await served.work(W), 'F_7')
    const { batch_id, ...work } = await served.call('get_work', { worker: W })
    assert.equal(typeof batch_id, 'string')
    assert.deepEqual(work, {
      n_pending_tasks: 5,
      n_unique_pending: 5,
      n_pending_last_scheduled: 5,
      worker_state: 'active',
      running_tasks: work.running_tasks,
      task_id: null,
      task_family: 'F',
      task_module: null,
      task_params: { n: ['5', '1', '2'], day: 'monday' },
      batch_task_ids: ['F_5', 'F_1', 'F_2'],
    })
    const statuses = await served.statuses()
    assert.deepEqual(
      [statuses.F_5, statuses.F_1, statuses.F_3],
      ['BATCH_RUNNING', 'BATCH_RUNNING', 'PENDING'],
    )
  })

  it('of one task are no batches, nor are those of a worker that has not said how', async (test) => {
    const served = await serveScheduler(test)
    await add(served, 1)
    await add(served, 2)
    assert.equal(await served.work(W), 'F_1')
    await batcher(served)
    assert.equal(await served.work(W), 'F_2')
  })

  it('end as the task that stands for them', async (test) => {
    for (const status of ['DONE', 'FAILED']) {
      const served = await serveScheduler(test)
      await runBatch(served)
      await served.call('set_task_status_message', { task_id: 'F_all', status_message: 'half' })
      await served.call('add_task', {
        worker: W,
        task_id: 'F_all',
        status: 'RUNNING',
        tracking_url: 'http://x',
      })
      const { F_2 } = await served.call('task_list')
      assert.deepEqual([F_2.status_message, F_2.tracking_url], ['half', 'http://x'])
      await served.call('add_task', { worker: W, task_id: 'F_all', status, expl: '"why"' })
      const statuses = await served.statuses()
      assert.deepEqual([statuses.F_1, statuses.F_2, statuses.F_3], [status, status, status])
      assert.equal((await served.call('fetch_error', { task_id: 'F_3' })).error, '"why"')
      assert.equal(
        statuses.F_all,
        status === 'DONE' ? 'DONE' : undefined,
        'a failed one is forgotten at once',
      )
    }
  })

  it('take the resources of one of their tasks', async (test) => {
    const served = await serveScheduler(test, { resources: { r: 2 } })
    await runBatch(served)
    const [r] = await served.call('resource_list')
    assert.deepEqual([r.num_total, r.num_used], [2, 1])
    await served.call('decrease_running_task_resources', { task_id: 'F_all', decrease_resources: { r: 1 } })
    assert.deepEqual((await served.call('get_running_task_resources', { task_id: 'F_2' })).resources, {
      r: 0,
    })
  })

  it('go back if the answer was lost before the worker began', async (test) => {
    const served = await serveScheduler(test)
    await batcher(served)
    await add(served, 1)
    await add(served, 2)
    const first = await served.call('get_work', { worker: W, current_tasks: [] })
    assert.equal(await served.work(W), null)
    served.reopen()
    const second = await served.call('get_work', { worker: W, current_tasks: [] })
    assert.deepEqual(second.batch_task_ids, first.batch_task_ids)
    await served.call('add_task', {
      worker: W,
      task_id: 'F_all',
      status: 'RUNNING',
      batch_id: second.batch_id,
    })
    const third = await served.call('get_work', { worker: W, current_tasks: ['F_all'] })
    assert.deepEqual([third.task_id, third.batch_id], [null, undefined], 'what has begun stays')
  })

  it('fail with the worker that runs them', async (test) => {
    const served = await serveScheduler(test)
    await runBatch(served)
    await served.call('add_task', { worker: 'x', task_id: 'other' })
    served.now += 11
    await served.call('add_task', { worker: 'x', task_id: 'other' })
    await served.call('prune')
    const statuses = await served.statuses()
    assert.deepEqual([statuses.F_1, statuses.F_2, statuses.F_3], ['FAILED', 'FAILED', 'FAILED'])
  })
})
