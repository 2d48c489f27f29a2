import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { findLuigiPage } from '../../src/homes/local/open-luigi.ts'
import { temporaryFolder } from '../support/folders.ts'
import { type ServedScheduler, serveScheduler } from './served.ts'

const W = 'w'
const add = (served: ServedScheduler, task_id: string, more: object = {}) =>
  served.call('add_task', { worker: W, task_id, family: task_id[0], ...more })

describe('what the page of Luigi shows', () => {
  it('has of a task what everybody may see', async (test) => {
    const served = await serveScheduler(test)
    await add(served, 'A', {
      family: 'Fam',
      params: { z: '1', b: '2', hidden: '3', secret: '4' },
      param_visibilities: { z: 0, hidden: 1, secret: 2 },
      resources: { r: 1 },
      priority: 2,
      accepts_messages: true,
    })
    const view = {
      display_name: 'Fam(b=2, z=1)',
      status: 'RUNNING',
      workers: [W],
      worker_running: W,
      time_running: 1_001,
      start_time: 1_000,
      last_updated: 1_001,
      params: { z: '1', b: '2' },
      name: 'Fam',
      priority: 2,
      resources: { r: 1 },
      resources_running: { r: 1 },
      tracking_url: null,
      status_message: null,
      progress_percentage: null,
      accepts_messages: true,
    }
    served.now += 1
    await served.work(W)
    assert.deepEqual(await served.call('task_list'), { A: view })
    assert.deepEqual(await served.call('task_search', { task_str: 'A' }), { RUNNING: { A: view } })
    assert.deepEqual((await served.call('worker_list'))[0].running, { A: view })
    assert.deepEqual(await served.call('dep_graph', { task_id: 'A' }), { A: { ...view, deps: [] } })
  })

  it('draws graphs breadth first in both directions, with what is only named, up to a size', async (test) => {
    const served = await serveScheduler(test, { config: { max_graph_nodes: 4 } })
    await add(served, 'A', { deps: ['C', 'B'] })
    await add(served, 'B', { deps: ['D', 'X_1'], status: 'DONE' })
    await add(served, 'C', { deps: ['D'] })
    await add(served, 'D')
    const graph = await served.call('dep_graph', { task_id: 'A' })
    assert.deepEqual(Object.keys(graph), ['A', 'B', 'C', 'D'])
    assert.deepEqual(
      [graph.A.deps, graph.A.display_name, graph.B.display_name],
      [['B', 'C'], 'A()', undefined],
    )
    const pending = await served.call('dep_graph', { task_id: 'A', include_done: false })
    assert.deepEqual([Object.keys(pending), pending.A.deps], [['A', 'C', 'D'], ['C']])
    const inverse = await served.call('inverse_dep_graph', { task_id: 'D' })
    assert.deepEqual(
      [Object.keys(inverse), inverse.D.deps, inverse.A.deps],
      [['D', 'B', 'C', 'A'], ['B', 'C'], []],
    )
    assert.deepEqual(await served.call('dep_graph', { task_id: 'nobody' }), {})
    const { X_1 } = await served.call('dep_graph', { task_id: 'X_1' })
    assert.deepEqual(
      [X_1.status, X_1.name, X_1.start_time, X_1.params],
      ['UNKNOWN', 'X', 'UNKNOWN', { task_id: 'X_1' }],
    )
    assert.deepEqual(Object.keys(await served.call('graph')).sort(), ['A', 'B', 'C', 'D', 'X_1'])
  })

  it('lists what is asked for, and tells the number if it is too much', async (test) => {
    const served = await serveScheduler(test, { config: { max_shown_tasks: 3 } })
    for (const id of ['A', 'B', 'C', 'D']) await add(served, id, { params: { name: `n${id}` } })
    await add(served, 'A', { status: 'FAILED' })
    await add(served, 'B', { deps: ['A'] })
    await add(served, 'E', { deps: ['B'] })
    const list = (sent: object) => served.call('task_list', sent)
    assert.deepEqual(await list({}), { num_tasks: 5 })
    assert.deepEqual(await list({ status: 'PENDING' }), { num_tasks: 4 })
    assert.deepEqual(await list({ status: 'PENDING', upstream_status: 'UPSTREAM_FAILED' }), { num_tasks: -1 })
    assert.deepEqual(Object.keys(await list({ limit: false })), ['A', 'B', 'C', 'D', 'E'])
    assert.deepEqual(Object.keys(await list({ max_shown_tasks: 5 })), ['A', 'B', 'C', 'D', 'E'])
    const failed = { status: 'PENDING', upstream_status: 'UPSTREAM_FAILED', limit: false }
    assert.deepEqual(Object.keys(await list(failed)), ['B', 'E'])
    assert.deepEqual(Object.keys(await list({ search: 'NAME=nc  c(' })), ['C'])
    assert.deepEqual(await list({ search: 'n' }), { num_tasks: 4 })
  })

  it('says what holds a pending task back: the worst that is upstream', async (test) => {
    const served = await serveScheduler(test)
    const upstream = async (id: string) => {
      for (const name of [
        'UPSTREAM_DISABLED',
        'UPSTREAM_FAILED',
        'UPSTREAM_MISSING_INPUT',
        'UPSTREAM_RUNNING',
      ]) {
        const found = await served.call('task_list', { status: 'PENDING', upstream_status: name })
        if (Object.hasOwn(found, id)) return name
      }
      return ''
    }
    await add(served, 'R')
    await served.work(W)
    await add(served, 'M')
    await add(served, 'F', { status: 'FAILED' })
    await add(served, 'D', { status: 'DISABLED' })
    for (const [deps, worst] of Object.entries({
      'R D': 'UPSTREAM_DISABLED',
      'M F': 'UPSTREAM_FAILED',
      'M R': 'UPSTREAM_MISSING_INPUT',
      R: 'UPSTREAM_RUNNING',
      unknown: '',
    })) {
      await add(served, 'T', { deps: deps.split(' ') })
      await add(served, 'U', { deps: ['T'] })
      assert.deepEqual([await upstream('T'), await upstream('U')], [worst, worst], deps)
    }
    await add(served, 'T', { deps: ['T', 'U'] })
    assert.equal(await upstream('T'), '', 'also around a cycle')
  })

  it('lists workers, the newest first, with their first task by its name', async (test) => {
    const served = await serveScheduler(test)
    await served.call('add_worker', { worker: 'a', info: [['first_task', 'A'], ['workers', 2]] }) // biome-ignore format: pairs
    served.now += 1
    await served.call('add_worker', { worker: 'b', info: { first_task: 'unknown' } })
    await served.call('add_task', { worker: 'a', task_id: 'A', family: 'F', params: { x: '1' } })
    const [b, a] = await served.call('worker_list')
    assert.deepEqual(
      [a.name, a.first_task_display_name, a.workers, a.num_pending, a.num_uniques],
      ['a', 'F(x=1)', 2, 1, 1],
    )
    assert.deepEqual([b.name, b.first_task_display_name, b.state], ['b', 'unknown', 'active'])
    assert.equal((await served.call('worker_list', { include_running: false }))[0].running, undefined)
  })
})

describe('what programs ask the Luigi scheduler', () => {
  it('are metrics, by the names of Luigi', async (test) => {
    const served = await serveScheduler(test)
    await add(served, 'A', { family: 'F"\\\n' })
    await served.work(W)
    served.now += 5
    await add(served, 'A', { status: 'DONE' })
    await add(served, 'B', { status: 'FAILED' })
    const { text, headers } = await served.ask('/metrics')
    assert.match(headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/)
    const lines = text.split('\n')
    for (const line of [
      String.raw`luigi_task_started_total{family="F\"\\\n"} 1`,
      String.raw`luigi_task_done_total{family="F\"\\\n"} 1`,
      String.raw`luigi_task_execution_time_seconds{family="F\"\\\n"} 5`,
      'luigi_task_failed_total{family="B"} 1',
      'luigi_tasks{status="FAILED"} 1',
      'luigi_workers{state="active"} 1',
    ])
      assert.ok(lines.includes(line), line)
  })

  it('is the history, also of tasks that are forgotten, with why they failed and without secrets', async (test) => {
    const served = await serveScheduler(test)
    await add(served, 'A', { params: { p: '1', s: '2' }, param_visibilities: { p: 0, s: 2 } })
    await served.work(W)
    await add(served, 'A', { status: 'FAILED', expl: '"broken"' })
    served.now += 2_000
    await served.call('prune')
    served.now += 2_000
    await served.call('prune')
    assert.deepEqual(await served.statuses(), {})
    served.reopen()
    const { events } = (await served.ask('/history/by_id/A')).json
    const common = { task_id: 'A', task_family: 'A', params: { p: '1' } }
    assert.deepEqual(events.slice(-3), [
      { at: 1_000, ...common, status: 'FAILED', worker: W, explanation: '"broken"' },
      { at: 1_000, ...common, status: 'RUNNING', worker: W },
      { at: 1_000, ...common, status: 'PENDING', worker: null },
    ])
    const count = async (path: string) => (await served.ask(path)).json.events.length
    assert.equal(await count('/history'), events.length)
    assert.equal(await count('/history?limit=1'), 1)
    assert.equal(await count('/history/by_name/A'), events.length)
    assert.equal(await count('/history/by_name/B'), 0)
  })

  it("is Luigi's own page where Python has it, and nothing beside it", async (test) => {
    const folder = temporaryFolder(test)
    mkdirSync(join(folder, 'static/visualiser/js'), { recursive: true })
    writeFileSync(join(folder, 'static/visualiser/index.html'), '<title>page</title>')
    writeFileSync(join(folder, 'secret'), 'x')
    const python = join(folder, 'python')
    writeFileSync(python, `#!/bin/sh\necho ${folder}\n`)
    chmodSync(python, 0o700)
    assert.equal(await findLuigiPage(python), join(folder, 'static'))
    assert.equal(await findLuigiPage(join(folder, 'nowhere')), undefined)
    const served = await serveScheduler(test, { api: { findStaticFolder: () => findLuigiPage(python) } })
    const page = await served.ask('/static/visualiser/index.html')
    assert.deepEqual(
      [page.text, page.headers.get('content-type')],
      ['<title>page</title>', 'text/html; charset=utf-8'],
    )
    for (const path of [
      '%2e%2e/secret',
      '..%2fsecret',
      'visualiser',
      '%00',
      'visualiser/..%2f..%2fsecret',
      '%ff',
    ])
      assert.ok([400, 404].includes((await served.ask(`/static/${path}`)).status), path)
  })
})
