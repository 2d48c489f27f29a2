import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type ServedScheduler, serveScheduler } from './served.ts'

const W = 'w'
const add = (served: ServedScheduler, task_id: string, more: object = {}) =>
  served.call('add_task', { worker: W, task_id, ...more })
const fail = (served: ServedScheduler, task_id: string) => add(served, task_id, { status: 'FAILED' })

describe('failures of Luigi tasks', () => {
  it('are tried again after the delay', async (test) => {
    const served = await serveScheduler(test)
    await fail(served, 'A')
    served.now += 100
    await served.call('prune')
    assert.deepEqual(await served.statuses(), { A: 'FAILED' })
    await served.call('ping', { worker: W })
    served.now += 1
    await served.call('prune')
    assert.deepEqual(await served.statuses(), { A: 'PENDING' })
  })

  it('disable a task if there are too many within the window', async (test) => {
    const served = await serveScheduler(test)
    await fail(served, 'A')
    served.now += 6
    await fail(served, 'A')
    served.now += 6
    await fail(served, 'A')
    assert.deepEqual(await served.statuses(), { A: 'FAILED' }, 'the first is too long ago')
    await fail(served, 'A')
    assert.deepEqual(await served.statuses(), { A: 'DISABLED' })
    assert.equal((await served.call('task_list')).A.re_enable_able, true)
    for (const status of ['PENDING', 'FAILED', 'UNKNOWN']) await add(served, 'A', { status })
    assert.deepEqual(await served.statuses(), { A: 'DISABLED' })
  })

  it('disable a task if the first one is too long ago, whatever the window', async (test) => {
    const served = await serveScheduler(test, { config: { disable_hard_timeout: 50 } })
    await fail(served, 'A')
    served.now += 49
    await fail(served, 'A')
    assert.deepEqual(await served.statuses(), { A: 'FAILED' })
    served.now += 1
    await fail(served, 'A')
    assert.deepEqual(await served.statuses(), { A: 'DISABLED' })
  })

  it('obey what the task itself allows', async (test) => {
    const served = await serveScheduler(test)
    const retry_policy_dict = { retry_count: 1, disable_hard_timeout: null, disable_window: null }
    await add(served, 'A', { retry_policy_dict })
    await add(served, 'A', { status: 'FAILED', retry_policy_dict })
    assert.deepEqual(await served.statuses(), { A: 'DISABLED' })
  })

  it('are forgotten after a while, by a success, or by a person', async (test) => {
    const served = await serveScheduler(test, { config: { retry_count: 1 } })
    for (const id of ['waits', 'succeeds', 'enabled', 'marked']) await fail(served, id)
    await add(served, 'succeeds', { status: 'DONE' })
    const enabled = await served.call('re_enable_task', { task_id: 'enabled' })
    assert.deepEqual([enabled.status, enabled.deps], ['FAILED', []])
    assert.deepEqual(await served.call('mark_as_done', { task_id: 'marked' }), {
      task_id: 'marked',
      status: 'DONE',
    })
    served.now += 10
    await served.call('ping', { worker: W })
    assert.equal((await served.statuses()).waits, 'DISABLED')
    served.now += 1
    assert.deepEqual(await served.statuses(), {
      waits: 'FAILED',
      succeeds: 'DONE',
      enabled: 'FAILED',
      marked: 'DONE',
    })
  })

  it('are not those of a task that a client has disabled: another report enables it', async (test) => {
    const served = await serveScheduler(test)
    await add(served, 'A', { status: 'DISABLED' })
    assert.equal((await served.call('task_list')).A.re_enable_able, false)
    assert.deepEqual(await served.call('re_enable_task', { task_id: 'A' }), {})
    await add(served, 'A')
    assert.deepEqual(await served.statuses(), { A: 'PENDING' })
  })

  it('can be forgiven', async (test) => {
    const served = await serveScheduler(test)
    await fail(served, 'A')
    assert.deepEqual(await served.call('forgive_failures', { task_id: 'A' }), {
      task_id: 'A',
      status: 'PENDING',
    })
    assert.deepEqual(await served.call('forgive_failures', { task_id: 'A' }), {
      task_id: 'A',
      status: 'PENDING',
    })
    assert.deepEqual(await served.call('mark_as_done', { task_id: 'A' }), { task_id: 'A', status: 'PENDING' })
    assert.deepEqual(await served.call('forgive_failures', { task_id: 'x' }), { task_id: 'x', status: null })
  })
})

describe('workers of Luigi that are silent', () => {
  it('are forgotten, and what they ran has failed once', async (test) => {
    const served = await serveScheduler(test)
    await add(served, 'A')
    await served.work(W)
    await served.call('add_task', { worker: 'x', task_id: 'A' })
    served.now += 10
    await served.call('ping', { worker: 'x' })
    await served.call('prune')
    assert.deepEqual(await served.statuses(), { A: 'RUNNING' })
    served.now += 1
    await served.call('prune')
    assert.deepEqual(await served.statuses(), { A: 'FAILED' })
    const failures = await served.call('test/task_failures', { task_id: 'A' })
    assert.deepEqual(failures, { num_failures: 1, recorded: 1 })
    assert.deepEqual((await served.call('task_list')).A.workers, ['x'])
  })

  it('live as long as they ping, ask or report; to be named is no sign of life', async (test) => {
    const served = await serveScheduler(test)
    const workers = async () => (await served.call('worker_list')).map(({ name }: { name: string }) => name)
    for (const method of ['ping', 'get_work', 'add_task']) {
      await served.call(method, { worker: W, task_id: 'A' })
      served.now += 10
      assert.deepEqual(await workers(), [W], method)
    }
    await served.call('add_worker', { worker: W, info: {} })
    await served.call('count_pending', { worker: W })
    await served.call('set_worker_processes', { worker: W, n: 1 })
    served.now += 1
    assert.deepEqual(await workers(), [])
  })

  it('leave tasks behind that are forgotten after the delay, unless somebody wants them again', async (test) => {
    const served = await serveScheduler(test)
    await add(served, 'A')
    await add(served, 'B')
    served.now += 11
    await served.call('prune')
    served.now += 999
    await served.call('add_task', { worker: 'x', task_id: 'B' })
    await served.call('prune')
    assert.deepEqual(Object.keys(await served.statuses()), ['A', 'B'])
    served.now += 1
    assert.deepEqual(Object.keys(await served.statuses()), ['B'])
    await served.call('add_task', { worker: 'x', task_id: 'A' })
    assert.deepEqual(Object.keys(await served.statuses()), ['B', 'A'], 'it comes back as a new one')
  })

  it('do not fail what an assistant runs, as long as the assistant lives', async (test) => {
    const served = await serveScheduler(test)
    await add(served, 'A')
    assert.equal(await served.work('helper', { assistant: true }), 'A')
    served.now += 9
    await served.call('ping', { worker: 'helper' })
    served.now += 9
    await served.call('prune')
    assert.deepEqual(await served.statuses(), { A: 'RUNNING' })
    served.now += 2
    await served.call('prune')
    assert.deepEqual(await served.statuses(), { A: 'FAILED' })
  })

  it('are looked for when work is asked for, if the config says so', async (test) => {
    for (const prune_on_get_work of [true, false]) {
      const served = await serveScheduler(test, { config: { prune_on_get_work } })
      await add(served, 'A')
      await served.call('add_task', { worker: 'x', task_id: 'A' })
      await served.work(W)
      served.now += 11
      await served.call('get_work', { worker: 'x' })
      const { status } = await served.call('mark_as_done', { task_id: 'A' })
      assert.equal(status, 'DONE')
      const { events } = (await served.ask('/history/by_id/A')).json
      assert.equal(events[1].status, prune_on_get_work ? 'FAILED' : 'RUNNING')
    }
  })
})

describe('the time of a test', () => {
  it('may go back, and may be 0', async (test) => {
    const served = await serveScheduler(test)
    served.now = 0
    await fail(served, 'A')
    await add(served, 'B')
    served.now = -5
    await served.call('prune')
    assert.deepEqual(await served.statuses(), { A: 'FAILED', B: 'PENDING' })
    served.now = 100.5
    await served.call('ping', { worker: W })
    await served.call('prune')
    assert.deepEqual(await served.statuses(), { A: 'PENDING', B: 'PENDING' })
  })

  it('is a number', async (test) => {
    const served = await serveScheduler(test)
    assert.equal((await served.ask('/api/is_paused', { headers: { 'x-test-now': 'noon' } })).status, 400)
  })
})
