import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { text as readText } from 'node:stream/consumers'
import { describe, it } from 'node:test'
import { parsePythonJson } from '../../src/luigi/python-json.ts'
import { serveScheduler } from './served.ts'

const form = (data: string) => ({ method: 'POST', body: new URLSearchParams({ data }) })

/** The status of a request with any headers; `fetch` sets its own Host. */
async function statusOf(url: string, lines: string[]): Promise<number> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  await once(socket, 'connect')
  socket.write([...lines, 'Connection: close', '', ''].join('\r\n'))
  return Number((await readText(socket)).split(' ')[1])
}

describe('how the Luigi scheduler is asked', () => {
  it('takes a form or a query, and no arguments if there are none', async (test) => {
    const served = await serveScheduler(test)
    const sent = JSON.stringify({ worker: 'w', task_id: 'A' })
    assert.deepEqual((await served.ask('/api/add_task', form(sent))).json, { response: null })
    const query = `/api/get_work?data=${encodeURIComponent('{"worker":"w"}')}`
    assert.equal((await served.ask(query)).json.response.task_id, 'A')
    assert.deepEqual((await served.ask('/api/is_paused')).json, { response: { paused: false } })
    assert.deepEqual((await served.ask('/api/is_paused', { method: 'POST' })).json, {
      response: { paused: false },
    })
  })

  it('serves below any prefix of the path', async (test) => {
    const served = await serveScheduler(test)
    assert.equal((await served.ask('/a/b/api/ping', form('{"worker":"w"}'))).status, 200)
    assert.equal((await served.ask('/a/b/ping', form('{"worker":"w"}'))).status, 404)
  })

  it('reads what Python writes for numbers that JSON does not have, and never writes it', async (test) => {
    const served = await serveScheduler(test)
    const batcher = '{"worker":"w","task_family":"F","batched_args":["a"],"max_batch_size":Infinity}'
    assert.equal((await served.ask('/api/add_task_batcher', form(batcher))).status, 200)
    const task = '{"worker":"w","task_id":"NaN \\" -Infinity","priority":Infinity,"tracking_url":NaN}'
    assert.equal((await served.ask('/api/add_task', form(task))).status, 200)
    const { 'NaN " -Infinity': view } = await served.call('task_list')
    assert.deepEqual([view.priority, view.tracking_url], [Number.MAX_VALUE, null])
    assert.equal(await served.work('w'), 'NaN " -Infinity')
  })

  it('has ids, families and parameters of any text, and answers in order', async (test) => {
    const served = await serveScheduler(test)
    const ids = [
      '10',
      '2',
      '__proto__',
      'constructor',
      'a\u0000b',
      '\ud800',
      '日本',
      "'; DROP TABLE task",
      '',
    ]
    for (const [at, id] of ids.entries())
      await served.call('add_task', {
        worker: id,
        task_id: id,
        family: id,
        params: { [id]: id },
        resources: { [id]: 1 },
        priority: -at,
      })
    served.reopen()
    const { text } = await served.ask(`/api/task_list?data=${encodeURIComponent('{"limit":false}')}`)
    const places = ids.map((id) => text.indexOf(`${JSON.stringify(id)}:{"display_name"`))
    assert.deepEqual(
      places,
      places.toSorted((a, b) => a - b),
    )
    assert.ok(places[0] !== undefined && places[0] > 0)
    for (const id of ids) {
      const work = await served.call('get_work', { worker: id })
      assert.equal(work.task_id, id)
      assert.deepEqual(Object.entries(work.task_params), [[id, id]])
    }
  })

  it('answers what cannot be done with one error, and goes on', async (test) => {
    const served = await serveScheduler(test)
    const status = async (path: string, init?: RequestInit) => (await served.ask(path, init)).status
    assert.equal(await status('/api/nope', form('{}')), 404)
    assert.equal(await status('/api/constructor', form('{}')), 404)
    assert.equal(await status('/foo'), 404)
    for (const method of ['DELETE', 'PUT', 'OPTIONS']) {
      const refused = await served.ask('/api/ping', { method })
      assert.deepEqual([refused.status, refused.headers.get('allow')], [405, 'GET, HEAD, POST'], method)
    }
    assert.equal(await status('/', { method: 'HEAD' }), 204)
    for (const data of ['{', '', 'nan', '[1', '{"worker":"w",}'])
      assert.equal(await status('/api/ping', form(data)), 400, data)
    for (const data of ['[]', '1', 'null', '"w"', '{}', '{"worker":1}', '{"worker":null}'])
      assert.equal(await status('/api/ping', form(data)), 400, data)
    const json = { method: 'POST', body: '{"worker":"w"}', headers: { 'content-type': 'application/json' } }
    assert.equal(await status('/api/ping', json), 400)
    const wrong = {
      add_task: [
        { deps: 'A' },
        { status: 'RUNING' },
        { resources: { r: 'one' } },
        { priority: '1' },
        { params: [] },
      ],
      get_work: [{ current_tasks: 'A' }, { assistant: 'yes' }],
      add_worker: [{ info: 'x' }, { info: [['a']] }],
    }
    for (const [method, all] of Object.entries(wrong))
      for (const each of all) {
        const sent = JSON.stringify({ worker: 'w', task_id: 'A', ...each })
        const { status, json } = await served.ask(`/api/${method}`, form(sent))
        assert.deepEqual([status, json.error.code], [400, 'invalid_usage'], sent)
        assert.match(json.error.message, new RegExp(Object.keys(each).join()), sent)
      }
    assert.deepEqual(await served.statuses(), {}, 'nothing of it was kept')
    assert.deepEqual(await served.call('ping', { worker: 'w', extra: 1 }), { rpc_messages: [] })
  })

  it('refuses what is too deep to be told again, and takes what is less deep', async (test) => {
    const served = await serveScheduler(test)
    const deep = (depth: number) =>
      `{"worker":"w","task_id":"A","params":{"x":${'['.repeat(depth)}"[[\\"[["${']'.repeat(depth)}}}`
    const refused = await served.ask('/api/add_task', form(deep(200_000)))
    assert.deepEqual([refused.status, refused.json.error.code], [400, 'invalid_usage'])
    assert.match(refused.json.error.message, /more than 500 deep/)
    assert.deepEqual(await served.statuses(), {})
    assert.equal((await served.ask('/api/add_task', form(deep(400)))).status, 200)
    assert.deepEqual(await served.statuses(), { A: 'PENDING' })
  })

  it('reads a string of 20 MB beside Infinity', () => {
    for (const sign of ['a', '\\n', '\\"', '\\\\']) {
      const long = sign.repeat(20_000_000 / sign.length)
      const read = parsePythonJson(`{"n":-Infinity,"expl":"${long}"}`) as { n: number; expl: string }
      assert.equal(read.n, -Number.MAX_VALUE)
      assert.ok(read.expl === JSON.parse(`"${long}"`), sign)
    }
  })

  it('names the choices where a word is wrong, and takes no total without end', async (test) => {
    const served = await serveScheduler(test)
    const { status, json } = await served.ask('/api/task_list', form('{"status":"WHAT"}'))
    assert.equal(status, 400)
    assert.match(json.error.message, /`status`: .*"PENDING".*"UNKNOWN"/)
    const update = await served.ask('/api/update_resource', form('{"resource":"r","amount":Infinity}'))
    assert.deepEqual(update.json, { response: false })
  })

  it('refuses a call that is larger than 100 MB before it is read whole', async (test) => {
    const served = await serveScheduler(test)
    const endless = new ReadableStream({
      pull: (sink) => sink.enqueue(new TextEncoder().encode('x'.repeat(1_000_000))),
    })
    const answer = await served
      .ask('/api/ping', { method: 'POST', body: endless, duplex: 'half' } as RequestInit)
      .catch((error) => ({ status: 413, error }))
    assert.equal(answer.status, 413)
    assert.deepEqual(await served.call('ping', { worker: 'w' }), { rpc_messages: [] })
  })

  it('takes a task with 100,000 dependencies', async (test) => {
    const served = await serveScheduler(test)
    const deps = Array.from({ length: 100_000 }, (_, n) => `Some.Family_with_a_name_${n}_0123456789`)
    await served.call('add_task', { worker: 'w', task_id: 'root', deps })
    assert.deepEqual(await served.call('task_list', { status: 'UNKNOWN', max_shown_tasks: 10 }), {
      num_tasks: 100_000,
    })
  })

  it('tells that it lives, leads to the page by a relative path, and never stores an answer', async (test) => {
    const served = await serveScheduler(test)
    assert.equal((await served.ask('/', { method: 'HEAD' })).status, 204)
    const root = await served.ask('/')
    assert.deepEqual([root.status, root.headers.get('location')], [302, 'static/visualiser/index.html'])
    assert.equal((await served.ask('/api/is_paused')).headers.get('cache-control'), 'no-store')
    const page = await served.ask('/static/visualiser/index.html')
    assert.deepEqual([page.status, page.text.includes('<title>')], [200, true])
    assert.equal((await served.ask('/static/visualiser/js/x.js')).status, 404)
  })
})

describe('who may ask the Luigi scheduler', () => {
  it('is this machine alone: no other host, and no page of another origin', async (test) => {
    const served = await serveScheduler(test)
    const ask = (host: string) => statusOf(served.url, ['GET /api/is_paused HTTP/1.1', `Host: ${host}`])
    for (const host of ['localhost', '127.0.0.1:8082', '[::1]:8082']) assert.equal(await ask(host), 200, host)
    for (const host of ['evil.example', '127.0.0.1.evil.example', 'a b'])
      assert.ok([400, 403].includes(await ask(host)))
    for (const headers of [
      { origin: 'http://evil.example' },
      { origin: 'null' },
      { 'sec-fetch-site': 'cross-site' },
    ])
      for (const init of [{ headers }, { headers, ...form('{}') }, { headers, method: 'OPTIONS' }])
        assert.equal((await served.ask('/api/pause', init as RequestInit)).status, 403)
    assert.deepEqual(await served.call('is_paused'), { paused: false })
    assert.equal((await served.ask('/api/is_paused', { headers: { origin: served.url } })).status, 200)
  })

  it('elsewhere whoever has the token, as a password in the URL or as a bearer', async (test) => {
    const token = 'a-token-of-this-test'
    const served = await serveScheduler(test, { api: { guards: { token } } })
    const ask = async (authorization?: string) =>
      (await served.ask('/api/is_paused', authorization === undefined ? {} : { headers: { authorization } }))
        .status
    const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`
    assert.equal(await ask(basic(`luigi:${token}`)), 200)
    assert.equal(await ask(basic(`:${token}`)), 200)
    assert.equal(await ask(`Bearer ${token}`), 200)
    for (const wrong of [
      undefined,
      '',
      'Basic',
      basic('luigi:'),
      basic(token.slice(1)),
      basic(`luigi:${token}x`),
      token,
    ])
      assert.equal(await ask(wrong), 401, wrong)
    const refused = await served.ask('/api/is_paused')
    assert.match(refused.headers.get('www-authenticate') ?? '', /^Basic realm=/)
    const headers = { authorization: `Bearer ${token}`, origin: 'http://evil.example' }
    assert.equal((await served.ask('/api/is_paused', { headers })).status, 403)
    assert.equal((await served.ask('/', { method: 'HEAD' })).status, 204, 'a health check has no token')
    assert.equal((await served.ask('/metrics')).status, 401)
  })

  it('has no calls for tests unless they are switched on', async (test) => {
    const served = await serveScheduler(test, { api: { isUnderTest: false } })
    for (const name of ['info', 'reset', 'task_failures'])
      assert.equal((await served.ask(`/api/test/${name}`, form('{}'))).status, 404, name)
    await served.call('add_task', { worker: 'w', task_id: 'A' })
    const { A } = await served.call('task_list')
    assert.ok(A.start_time > 1_000_000_000, 'the time that a request sets is not obeyed')
  })
})
