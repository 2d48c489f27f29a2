import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { serveScheduler } from './served.ts'

const W = 'w'

describe('what workers say of tasks', () => {
  it('is the same in whatever order roots and dependencies come: what is only named is unknown', async (test) => {
    const { call, work, statuses } = await serveScheduler(test)
    await call('add_task', { worker: W, task_id: 'B', deps: ['A'] })
    assert.deepEqual(await statuses(), { B: 'PENDING', A: 'UNKNOWN' })
    assert.equal(await work(W), null, 'a dependency that is not known is not done')
    await call('add_task', { worker: W, task_id: 'A' })
    assert.equal(await work(W), 'A')
    assert.equal(await work(W), null)
    await call('add_task', { worker: W, task_id: 'A', status: 'DONE' })
    assert.equal(await work(W), 'B')
    await call('add_task', { worker: W, task_id: 'B', status: 'DONE' })
    assert.equal(await work(W), null)
  })

  it('fills in what was not known, and changes nothing that was', async (test) => {
    const { call } = await serveScheduler(test)
    await call('add_task', { worker: W, task_id: 'B', deps: ['A'] })
    const known = { family: 'F', module: 'm', params: { a: '1' }, param_visibilities: { a: 0 } }
    await call('add_task', { worker: W, task_id: 'A', ...known })
    await call('add_task', { worker: W, task_id: 'A', family: 'G', module: 'n', params: { a: '2' } })
    assert.deepEqual(await call('fetch_error', { task_id: 'A' }), {
      taskId: 'A',
      error: null,
      displayName: 'F(a=1)',
      taskParams: { a: '1' },
      taskModule: 'm',
      taskFamily: 'F',
    })
  })

  it('replaces dependencies, adds new ones, and replaces resources always', async (test) => {
    const { call } = await serveScheduler(test)
    const depsOf = async (id: string) => (await call('dep_graph', { task_id: id }))[id].deps
    await call('add_task', { worker: W, task_id: 'B', family: 'F', deps: ['A', 'C'], resources: { r: 2 } })
    await call('add_task', { worker: W, task_id: 'B', deps: ['C'], new_deps: ['D'] })
    assert.deepEqual(await depsOf('B'), ['C', 'D'])
    assert.deepEqual((await call('task_list')).B.resources, {})
    await call('add_task', { worker: W, task_id: 'B' })
    assert.deepEqual(await depsOf('B'), ['C', 'D'], 'none are sent, none change')
  })

  it('raises priorities of what is upstream, and never lowers one', async (test) => {
    const { call } = await serveScheduler(test)
    for (const [id, deps] of Object.entries({ C: ['B'], B: ['A', 'C'], A: [] }))
      await call('add_task', { worker: W, task_id: id, deps, priority: 1 })
    await call('add_task', { worker: W, task_id: 'C', priority: 7 })
    await call('add_task', { worker: W, task_id: 'C', priority: 3 })
    const tasks = await call('task_list')
    assert.deepEqual([tasks.A.priority, tasks.B.priority, tasks.C.priority], [7, 7, 7], 'also around a cycle')
  })

  it('does not make a task pending again that was done a moment ago', async (test) => {
    const served = await serveScheduler(test, { config: { stable_done_cooldown_secs: 5 } })
    await served.call('add_task', { worker: W, task_id: 'A', status: 'DONE' })
    served.now += 4
    await served.call('add_task', { worker: 'x', task_id: 'A' })
    assert.deepEqual(await served.statuses(), { A: 'DONE' })
    served.now += 1
    await served.call('add_task', { worker: 'x', task_id: 'A' })
    assert.deepEqual(await served.statuses(), { A: 'PENDING' })
  })

  it('does not count if another worker runs the task', async (test) => {
    const { call, work, statuses } = await serveScheduler(test)
    await call('add_task', { worker: W, task_id: 'A' })
    assert.equal(await work(W), 'A')
    for (const status of ['DONE', 'FAILED', 'PENDING', 'DISABLED', 'UNKNOWN'])
      await call('add_task', { worker: 'x', task_id: 'A', status })
    assert.deepEqual(await statuses(), { A: 'RUNNING' })
    await call('add_task', { worker: W, task_id: 'A', status: 'PENDING' })
    assert.deepEqual(await statuses(), { A: 'RUNNING' }, 'not even its own worker takes it back')
    await call('add_task', { worker: W, task_id: 'A', status: 'DONE' })
    assert.deepEqual(await statuses(), { A: 'DONE' })
  })

  it('takes a running task back until its new dependencies are done, and only once', async (test) => {
    const { call, work, statuses } = await serveScheduler(test)
    await call('add_task', { worker: W, task_id: 'A' })
    await work(W)
    const yielded = { worker: W, task_id: 'A', status: 'PENDING', new_deps: ['B'], runnable: null }
    await call('add_task', yielded)
    assert.deepEqual(await statuses(), { A: 'PENDING', B: 'UNKNOWN' })
    await call('add_task', { worker: 'x', task_id: 'B', status: 'DONE' })
    await call('add_task', { worker: 'x', task_id: 'A' })
    assert.equal(await work('x'), 'A')
    await call('add_task', yielded)
    assert.deepEqual(
      (await statuses()).A,
      'RUNNING',
      'the same report again does not take it from the other worker',
    )
  })

  it('keeps an error until another one comes, and a tracking URL for as long as the task runs', async (test) => {
    const { call, work } = await serveScheduler(test)
    await call('add_task', { worker: W, task_id: 'A' })
    await work(W)
    await call('add_task', { worker: W, task_id: 'A', status: 'RUNNING', tracking_url: 'http://x' })
    await call('add_task', { worker: W, task_id: 'A', status: 'RUNNING' })
    assert.equal((await call('task_list')).A.tracking_url, 'http://x')
    await call('add_task', { worker: W, task_id: 'A', status: 'FAILED', expl: '"broken"' })
    assert.equal((await call('fetch_error', { task_id: 'A' })).error, '"broken"')
    await call('add_task', { worker: W, task_id: 'A', expl: null })
    assert.equal((await call('fetch_error', { task_id: 'A' })).error, '"broken"')
    assert.equal((await call('task_list')).A.tracking_url, null)
  })

  it('counts a failure once if the answer was lost and the client reports it again', async (test) => {
    const { call, work, statuses } = await serveScheduler(test, { config: { retry_count: 2 } })
    await call('add_task', { worker: W, task_id: 'A' })
    await work(W)
    const failed = { worker: W, task_id: 'A', status: 'FAILED', expl: '"broken"', runnable: null }
    await call('add_task', failed)
    await call('add_task', failed)
    assert.deepEqual(await statuses(), { A: 'FAILED' })
    await call('forgive_failures', { task_id: 'A' })
    assert.equal(await work(W), 'A')
    await call('add_task', failed)
    assert.deepEqual(await statuses(), { A: 'DISABLED' }, 'the same error of the next run counts')
  })

  it('keeps progress, also of all members of a batch', async (test) => {
    const { call } = await serveScheduler(test)
    await call('add_task', { worker: W, task_id: 'A' })
    await call('set_task_status_message', { task_id: 'A', status_message: 'half' })
    await call('set_task_progress_percentage', { task_id: 'A', progress_percentage: 50 })
    await call('set_task_status_message', { task_id: 'nobody', status_message: 'x' })
    assert.deepEqual(await call('get_task_status_message', { task_id: 'A' }), {
      taskId: 'A',
      statusMessage: 'half',
    })
    assert.deepEqual(await call('get_task_progress_percentage', { task_id: 'A' }), {
      taskId: 'A',
      progressPercentage: 50,
    })
    assert.deepEqual(await call('get_task_status_message', { task_id: 'x' }), {
      taskId: 'x',
      statusMessage: '',
    })
    assert.deepEqual(await call('get_task_progress_percentage', { task_id: 'x' }), {
      taskId: 'x',
      progressPercentage: null,
    })
  })

  it('takes e-mails and statistics, and does nothing with them', async (test) => {
    const { call, statuses } = await serveScheduler(test)
    const failure = { worker: W, task_name: 'A', family: 'F', params: {}, expl: '"x"', owners: [] }
    assert.equal(await call('announce_scheduling_failure', failure), null)
    assert.equal(await call('report_task_statistics', { task_id: 'A', statistics: {} }), null)
    assert.equal(await call('update_metrics_task_started', { task: 'A' }), null)
    assert.deepEqual(await statuses(), {})
  })
})

describe('messages of the Luigi scheduler', () => {
  it('come with the next ping, once', async (test) => {
    const served = await serveScheduler(test)
    const { call } = served
    await call('set_worker_processes', { worker: W, n: 3 })
    const { message_id } = await call('send_scheduler_message', { worker: W, task: 'A', content: 'stop' })
    assert.equal((await call('worker_list'))[0].num_unread_rpc_messages, 2)
    served.reopen()
    assert.deepEqual(await call('ping', { worker: W }), {
      rpc_messages: [
        { name: 'set_worker_processes', kwargs: { n: 3 } },
        { name: 'dispatch_scheduler_message', kwargs: { task_id: 'A', message_id, content: 'stop' } },
      ],
    })
    assert.deepEqual(await call('ping', { worker: W }), { rpc_messages: [] })
  })

  it('are answered by the task, and the answer is read once', async (test) => {
    const { call } = await serveScheduler(test)
    await call('add_task', { worker: W, task_id: 'A' })
    const answer = { task_id: 'A', message_id: 'm' }
    await call('add_scheduler_message_response', { ...answer, response: 'done' })
    assert.deepEqual(await call('get_scheduler_message_response', answer), { response: 'done' })
    assert.deepEqual(await call('get_scheduler_message_response', answer), { response: null })
  })

  it('can be switched off', async (test) => {
    const { call } = await serveScheduler(test, { config: { send_messages: false } })
    const sent = await call('send_scheduler_message', { worker: W, task: 'A', content: 'x' })
    assert.deepEqual(sent, { message_id: null })
    assert.deepEqual(await call('ping', { worker: W }), { rpc_messages: [] })
  })
})
