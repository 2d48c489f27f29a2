import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import type { Control } from '../../src/control/control.ts'
import { openLocalControl } from '../../src/homes/local/open-control.ts'
import { makeRemoteControl, makeTokenFetcher } from '../../src/http/client.ts'
import { serveControl, TOKEN } from '../http/served.ts'
import { callMethod, openScheduler } from '../luigi/served.ts'
import { temporaryFolder } from '../support/folders.ts'
import { checkedControl } from './checked-control.ts'
import { openHostedControl } from './open-state.ts'

const NOW = 1_000

/** A scheduler with its own process's view of the state, and a control that looks at it from outside. */
function openBoth(test: TestContext, options: Parameters<typeof openScheduler>[1] = {}) {
  const folder = temporaryFolder(test)
  const scheduler = openScheduler(join(folder, 'luigid.db'), options)
  const control = openLocalControl({ stateFolder: folder }, () => {})
  test.after(async () => {
    await control.close()
    scheduler.close()
  })
  const call = (method: string, sent: object, now = NOW) => callMethod(scheduler, method, sent, now)
  const add = (task_id: string, more: object = {}) =>
    call('add_task', { worker: 'w', task_id, family: task_id, params: {}, ...more })
  // Another process commits between two turns of the event loop, and not within one.
  const looking: Control = {
    ...control,
    luigid: () => setImmediate().then(() => control.luigid()),
    luigidTask: (query) => setImmediate().then(() => control.luigidTask(query)),
    luigidTasks: (query) => setImmediate().then(() => control.luigidTasks(query)),
    luigidWorkers: (query) => setImmediate().then(() => control.luigidWorkers(query)),
  }
  return { control: checkedControl(looking), call, add }
}

const reasonsOf = async (control: Control, task: string) =>
  (await control.luigidTask({ task })).reasons.map(({ text }) => text)

describe("Luigi's scheduler as control shows it", () => {
  it('is nothing where none has worked, and its tasks cannot be asked for', async (test) => {
    const control = checkedControl(openHostedControl(test, []))
    assert.deepEqual(await control.luigid(), { scheduler: null })
    for (const ask of [
      () => control.luigidTasks(),
      () => control.luigidTask({ task: 'A' }),
      () => control.luigidWorkers(),
    ])
      await assert.rejects(ask, { code: 'no_luigi_scheduler', hint: /sluice luigid/ })
  })

  it('has tasks in pages and by filters, as they are after each call', async (test) => {
    const { control, call, add } = openBoth(test, { resources: { db: 2 } })
    for (const n of [1, 2, 3, 4, 5])
      add(`T${n}`, { params: { n: `${n}`, key: 'k' }, param_visibilities: { key: 2 } })
    assert.equal(call('get_work', { worker: 'w' }).task_id, 'T1')
    const first = await control.luigidTasks({ limit: 2 })
    assert.deepEqual([first.tasks.map(({ id }) => id), first.found], [['T1', 'T2'], 5])
    assert.equal(first.tasks[0]?.task, 'T1(n=1)', 'private parameters are kept out')
    // A task before the cursor that is forgotten moves nothing.
    call('add_task', { worker: 'w', task_id: 'T1', status: 'DONE' })
    const rest = await control.luigidTasks({ limit: 3, cursor: first.next ?? '' })
    assert.deepEqual([rest.tasks.map(({ id }) => id), rest.next], [['T3', 'T4', 'T5'], null])
    assert.deepEqual(
      (await control.luigidTasks({ statuses: ['DONE'] })).tasks.map(({ id }) => id),
      ['T1'],
    )
    assert.deepEqual(
      (await control.luigidTasks({ text: 'N=4 t4' })).tasks.map(({ id }) => id),
      ['T4'],
    )
    assert.deepEqual(await control.luigid(), {
      scheduler: {
        paused: false,
        counts: { DONE: 1, PENDING: 4 },
        workers: 1,
        resources: [{ resource: 'db', limit: 2, held: 0 }],
      },
    })
    await assert.rejects(control.luigidTasks({ cursor: 'x' }), {
      code: 'invalid_usage',
      message: /no cursor/,
    })
  })

  it('lists workers with what each runs', async (test) => {
    const { control, call, add } = openBoth(test)
    add('A')
    call('add_worker', { worker: 'w', info: { host: 'h', workers: 3, first_task: 'A' } })
    call('get_work', { worker: 'v', assistant: true })
    call('disable_worker', { worker: 'x' })
    const { workers } = await control.luigidWorkers()
    assert.deepEqual(
      workers.map(({ worker, host, processes, firstTask, running, pending, isAssistant, isDisabled }) => [
        [worker, host, processes, firstTask],
        [running, pending, isAssistant, isDisabled],
      ]),
      [
        [
          ['w', 'h', 3, 'A()'],
          [0, 0, false, false],
        ],
        [
          ['v', null, 1, null],
          [1, 0, true, false],
        ],
        [
          ['x', null, 1, null],
          [0, 0, false, true],
        ],
      ],
    )
    const page = await control.luigidWorkers({
      limit: 1,
      cursor: String((await control.luigidWorkers({ limit: 1 })).next),
    })
    assert.deepEqual(
      page.workers.map(({ worker }) => worker),
      ['v'],
    )
  })

  it('says why a task does not run', async (test) => {
    const { control, call, add } = openBoth(test, { resources: { db: 2 }, config: { retry_delay: 100 } })
    add('Root', { deps: ['Middle', 'Nobody'] })
    add('Middle', { deps: ['Broken'] })
    add('Broken', { priority: 9 })
    assert.equal(call('get_work', { worker: 'w' }).task_id, 'Broken')
    call('add_task', { worker: 'w', task_id: 'Broken', status: 'FAILED', expl: '"Traceback: no"' })
    assert.deepEqual(await reasonsOf(control, 'Root'), [
      'it depends on Middle(), which is PENDING (UPSTREAM_FAILED)',
      'it depends on Nobody, which is UNKNOWN',
    ])
    const broken = await control.luigidTask({ task: 'Broken' })
    assert.deepEqual(
      broken.reasons.map(({ text }) => text),
      ['it has failed, and waits for its next try'],
    )
    assert.equal(typeof broken.reasons[0]?.until, 'number')
    assert.equal(broken.error, 'Traceback: no')
    assert.deepEqual(
      broken.history.map(({ status }) => status),
      ['FAILED', 'RUNNING', 'PENDING'],
    )
    add('Holder', { resources: { db: 2 }, priority: 5 })
    assert.equal(call('get_work', { worker: 'w' }).task_id, 'Holder')
    add('Waits', { resources: { db: 1 } })
    add('Never', { resources: { other: 2 } })
    add('External', { runnable: false })
    add('Next')
    add('AfterNext', { deps: ['Next'] })
    assert.deepEqual(await reasonsOf(control, 'AfterNext'), ['it depends on Next(), which is PENDING'])
    assert.deepEqual(await reasonsOf(control, 'Waits'), [
      'it needs 1 of the resource db: 2 of 2 are taken by Holder()',
    ])
    assert.deepEqual(await reasonsOf(control, 'Never'), [
      'it needs 2 of the resource other, which has 1 in all',
    ])
    assert.deepEqual(await reasonsOf(control, 'External'), ['no worker can run it: it is made elsewhere'])
    assert.deepEqual(await reasonsOf(control, 'Next'), [
      'all processes of the workers that can run it are busy',
    ])
    assert.deepEqual(await reasonsOf(control, 'Holder'), ['it runs: w'])
    call('pause', {})
    assert.deepEqual(await reasonsOf(control, 'Next'), ['the scheduler is paused'])
    call('unpause', {})
    call('add_worker', { worker: 'w', info: { workers: 2 } })
    assert.match((await reasonsOf(control, 'Next')).join(), /^it can start: a worker gets it/)
    call('disable_worker', { worker: 'w' })
    assert.deepEqual(await reasonsOf(control, 'Next'), ['the workers that can run it are gone'])
  })

  it('names a task by its id, its family or its name, also over HTTP, and says what is near', async (test) => {
    const { control, add } = openBoth(test)
    const hostile = 'a/../b?c#%2F <b>"\u202e\n'
    add('1', { family: 'Daily', params: { day: hostile } })
    add('2', { family: 'Weekly' })
    add('3', { family: 'Weekly', params: { n: '1' } })
    add(hostile, { family: '' })
    const base = await serveControl(test, control)
    const remote = checkedControl(makeRemoteControl({ base, fetcher: makeTokenFetcher(TOKEN) }))
    for (const each of [control, remote]) {
      assert.equal((await each.luigidTask({ task: 'Daily' })).id, '1')
      assert.equal((await each.luigidTask({ task: `Daily(day=${hostile})` })).id, '1')
      assert.equal((await each.luigidTask({ task: hostile })).task, hostile)
      await assert.rejects(each.luigidTask({ task: 'Weekly' }), { code: 'unknown_task', hint: /2, 3/ })
      await assert.rejects(each.luigidTask({ task: 'Dialy' }), {
        code: 'unknown_task',
        message: /Did you mean Daily\?/,
      })
      assert.equal((await each.luigidTasks({ text: '%2F' })).found, 2)
    }
  })

  it('may have 20,000 tasks in a chain', async (test) => {
    const { control, add } = openBoth(test)
    const LENGTH = 20_000
    add('T0', { status: 'FAILED' })
    for (let n = 1; n <= LENGTH; n++) add(`T${n}`, { deps: [`T${n - 1}`] })
    const { tasks, found } = await control.luigidTasks({
      statuses: ['PENDING'],
      limit: 1,
      cursor: String(LENGTH),
    })
    assert.deepEqual([tasks[0]?.upstream, found], ['UPSTREAM_FAILED', LENGTH])
    assert.match((await reasonsOf(control, `T${LENGTH}`)).join(), /UPSTREAM_FAILED/)
  })
})
