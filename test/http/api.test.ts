import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Control } from '../../src/control/control.ts'
import { ERRORS, type ErrorCode, SluiceError } from '../../src/core/errors.ts'
import { followServerClock } from '../../src/homes/remote/server-clock.ts'
import { makeRemoteControl, makeTokenFetcher } from '../../src/http/client.ts'
import { STATUS_OF_ERROR } from '../../src/http/errors.ts'
import { slowDown } from '../../src/http/events.ts'
import { external, pipeline, task, text } from '../../src/index.ts'
import { openHostedControl } from '../control/open-state.ts'
import { serveControl, TOKEN } from './served.ts'

const One = task('HttpOne', { output: () => text('one.txt') }, ({ output }) => output.write('1'))
const one = pipeline('http-one', One)
const Never = external('HttpNever', { output: () => text('never.txt') })
const waiting = pipeline(
  'http-waiting',
  task('HttpWaiting', { requires: () => Never(), output: () => text('w.txt') }, ({ output }) =>
    output.write(''),
  ),
)

async function openApi(test: TestContext) {
  const control = openHostedControl(test, [one, waiting])
  const url = await serveControl(test, control)
  const ask = async (path: string, init: RequestInit & { json?: unknown } = {}) => {
    const { json, ...rest } = init
    const response = await fetch(url + path, {
      ...rest,
      ...(json === undefined ? {} : { method: rest.method ?? 'POST', body: JSON.stringify(json) }),
      headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json', ...rest.headers },
    })
    const body = await response.text()
    return {
      status: response.status,
      headers: response.headers,
      body: body === '' ? undefined : JSON.parse(body),
    }
  }
  return { control, url, ask }
}

/** A control that answers one operation so, and no other. */
const fakeControl = (part: Partial<Control>) => part as Control

describe('the API', () => {
  it('answers with the statuses of HTTP', async (test) => {
    const { ask, control } = await openApi(test)
    const opened = await ask('/v1/runs', { json: { name: 'http-waiting' } })
    const { run } = opened.body
    assert.deepEqual([opened.status, opened.headers.get('location')], [201, `/v1/runs/${run}`])
    const joined = await ask('/v1/runs', { json: { name: 'http-waiting' } })
    assert.deepEqual([joined.status, joined.body], [200, { run, opened: false }])
    assert.equal((await ask(`/v1/runs/${run}`)).body.status, 'running')
    const cancelled = await ask(`/v1/runs/${run}/cancel`, { method: 'POST' })
    assert.deepEqual([cancelled.status, cancelled.body], [200, { run, status: 'cancelled' }])
    assert.equal((await ask(`/v1/runs/${run}/cancel`, { method: 'POST' })).status, 400)
    await sleep(5)
    const asked = await ask('/v1/prune', { json: { olderThanMs: 0 } })
    assert.deepEqual([asked.status, asked.body], [409, { status: 'unconfirmed', affected: 1, all: 1 }])
    assert.equal((await ask('/v1/prune', { json: { olderThanMs: 0, confirmed: true } })).status, 200)
    assert.equal((await control.runs()).all, 0)
    const secret = await ask('/v1/secrets/a/b', { method: 'PUT', json: { value: 'v' } })
    assert.deepEqual([secret.status, secret.body], [200, { name: 'a/b' }])
    assert.equal((await ask('/v1/secrets/a/b', { method: 'DELETE' })).status, 200)
    assert.equal((await ask('/v1/secrets/a/b', { method: 'DELETE' })).status, 404)
  })

  it('tells the date of the server whose answers it passes on', async (test) => {
    const date = 'Mon, 02 Mar 2026 12:00:00 GMT'
    const control = fakeControl({ budgets: () => Promise.resolve([]) })
    const url = await serveControl(test, control, { now: () => Date.parse(date) })
    const headers = { authorization: `Bearer ${TOKEN}` }
    const { fetcher, now } = followServerClock((to, request) => fetch(to, { ...request, headers }))
    for (const path of ['budgets', 'nothing'])
      assert.equal((await fetch(`${url}/v1/${path}`, { headers })).headers.get('date'), date)
    const before = Date.now()
    await fetcher(new URL(`${url}/v1/budgets`), { method: 'GET', headers: {} })
    const ahead = now() - Date.parse(date)
    assert.ok(ahead >= 0 && ahead <= Date.now() - before)
  })

  it('says what is wrong with a request, and does nothing', async (test) => {
    const { ask, control } = await openApi(test)
    const refused = async (path: string, json: unknown, status: number, code: string, says: RegExp) => {
      const answer = await ask(path, json === undefined ? {} : { json })
      assert.deepEqual([answer.status, answer.body.error.code], [status, code], answer.body.error.message)
      assert.match(answer.body.error.message, says)
    }
    await refused('/v1/runs?limit=0', undefined, 400, 'invalid_usage', /limit/)
    await refused('/v1/runs?limit=many', undefined, 400, 'invalid_usage', /limit/)
    await refused('/v1/runs?limit=1&limit=2', undefined, 400, 'invalid_usage', /limit/)
    await refused('/v1/runs?statuses=done', undefined, 400, 'invalid_usage', /statuses/)
    await refused('/v1/runs?other=1', undefined, 400, 'invalid_usage', /other/)
    await refused('/v1/runs?cursor=x', undefined, 400, 'invalid_usage', /cursor/)
    await refused('/v1/runs/nothing', undefined, 404, 'unknown_run', /nothing/)
    await refused('/v1/runs/%2e%2e%2f', undefined, 404, 'unknown_run', /\.\.\//)
    await refused('/v1/runs', { nam: 'http-one' }, 400, 'invalid_usage', /name/)
    await refused('/v1/runs', { name: 'http-on' }, 404, 'unknown_name', /http-on/)
    await refused('/v1/runs', { name: 'http-one', params: { x: 1 } }, 400, 'invalid_parameter', /x/)
    await refused('/v1/runs', [], 400, 'invalid_usage', /no JSON object/)
    await refused('/v1/runs', null, 400, 'invalid_usage', /no JSON object/)
    await refused(
      '/v1/runs/latest/retry',
      { run: 'other' },
      400,
      'invalid_usage',
      /`run` belongs into the path/,
    )
    await refused('/v1/events', undefined, 400, 'invalid_usage', /runs/)
    await refused('/v1/events?runs=nothing', undefined, 404, 'unknown_run', /nothing/)
    for (const body of ['{', '{"name": "http-one"', '\u0000', '{"__proto__": {"name": "http-one"}}'])
      assert.equal((await ask('/v1/runs', { method: 'POST', body })).status, 400, body)
    assert.equal((await control.runs()).all, 0)
  })

  it('gives every error its status and takes it back as it was', async (test) => {
    for (const code of Object.keys(ERRORS) as ErrorCode[]) {
      const thrown = new SluiceError(code, 'what was wrong', { hint: 'the next step' })
      const control = fakeControl({ run: async () => Promise.reject(thrown) })
      const url = await serveControl(test, control)
      const response = await fetch(`${url}/v1/runs/x`, { headers: { authorization: `Bearer ${TOKEN}` } })
      assert.equal(response.status, STATUS_OF_ERROR[code])
      const remote = makeRemoteControl({ base: url, fetcher: makeTokenFetcher(TOKEN), wait: async () => {} })
      await assert.rejects(remote.run({ run: 'x' }), {
        name: 'SluiceError',
        code,
        message: 'what was wrong',
        hint: 'the next step',
      })
    }
  })

  it('tells a defect as one, and to the server', async (test) => {
    const defects: unknown[] = []
    const control = fakeControl({ pools: async () => Promise.reject(new TypeError('x is undefined')) })
    const url = await serveControl(test, control, { onDefect: (error) => defects.push(error) })
    const response = await fetch(`${url}/v1/pools`, { headers: { authorization: `Bearer ${TOKEN}` } })
    assert.equal(response.status, 500)
    assert.deepEqual(await response.json(), {
      error: { code: 'internal', message: 'x is undefined', hint: null },
    })
    assert.equal(defects.length, 1)
  })

  it('refuses an answer that a function could not give, and says what to do', async (test) => {
    const control = fakeControl({ budgets: async () => Array(100).fill({ budget: '"'.repeat(100) }) })
    const url = await serveControl(test, control, { maxAnswerBytes: 30_000 })
    const response = await fetch(`${url}/v1/budgets`, { headers: { authorization: `Bearer ${TOKEN}` } })
    assert.equal(response.status, 413)
    assert.match(await response.text(), /a function answers with 30000 at most.*smaller page/)
  })
})

describe('events', () => {
  /** Reads a stream until it ends, or as many characters. */
  async function readStream(response: Response, enough = Number.POSITIVE_INFINITY): Promise<string> {
    let text = ''
    const decoder = new TextDecoder()
    for await (const chunk of response.body as ReadableStream<Uint8Array>) {
      text += decoder.decode(chunk, { stream: true })
      if (text.length >= enough) break
    }
    return text
  }
  const headers = { authorization: `Bearer ${TOKEN}` }
  const idsOf = (text: string) => [...text.matchAll(/^id: (.+)$/gm)].map(([, id]) => id as string)

  it('come as they happen, and end with the runs', async (test) => {
    const { ask, url } = await openApi(test)
    const { run } = (await ask('/v1/runs', { json: { name: 'http-one' } })).body
    const response = await fetch(`${url}/v1/events?runs=${run}&counts=true`, { headers })
    assert.equal(response.headers.get('content-type'), 'text/event-stream')
    const text = await readStream(response)
    const events = [...text.matchAll(/^event: (\w+)\ndata: (.+)$/gm)].map(([, name, data]) => {
      const event = JSON.parse(data as string)
      assert.equal(event.event, name)
      return event
    })
    assert.deepEqual(
      events.filter(({ event }) => event === 'task_ended').map(({ outcome }) => outcome),
      ['succeeded'],
    )
    assert.deepEqual(events.at(-2), { event: 'run_ended', run, status: 'succeeded' })
    assert.deepEqual(events.at(-1), { event: 'end', end: 'ended' })
    assert.equal(idsOf(text).at(-1), 'ended')
    const after = await fetch(`${url}/v1/events?runs=${run}`, {
      headers: { ...headers, 'last-event-id': 'ended' },
    })
    assert.equal(after.status, 204, 'a browser that connects again by itself stops')
  })

  it('go on from the id of the last message', async (test) => {
    const cursors: (string | undefined)[] = []
    let answers = 0
    const control = fakeControl({
      async changes({ cursor }) {
        cursors.push(cursor)
        const isOver = ++answers === 2
        return {
          events: [{ event: 'counts', run: 'r', counts: { running: answers } }],
          runs: [{ run: 'r', status: isOver ? 'succeeded' : 'running', isMoving: true, onlyAwaits: false }],
          next: `{"ä":${answers}}`,
          lookAgainMs: 1,
        }
      },
    })
    const url = await serveControl(test, control)
    const text = await readStream(await fetch(`${url}/v1/events?runs=r`, { headers }))
    const [first = ''] = idsOf(text)
    assert.ok(text.indexOf('"running":1') < text.indexOf(first), 'the id comes after the events it covers')
    answers = 0
    await readStream(
      await fetch(`${url}/v1/events?runs=r`, { headers: { ...headers, 'last-event-id': first } }),
    )
    assert.deepEqual(cursors, [undefined, '{"ä":1}', '{"ä":1}', '{"ä":1}'])
  })

  it('cost nothing after the client has left', async (test) => {
    let looks = 0
    const control = fakeControl({
      async changes() {
        looks++
        return {
          events: [{ event: 'counts', run: 'r', counts: {} }],
          runs: [{ run: 'r', status: 'running', isMoving: true, onlyAwaits: false }],
          next: '',
          lookAgainMs: 5,
        }
      },
    })
    const url = await serveControl(test, control)
    const leave = new AbortController()
    const response = await fetch(`${url}/v1/events?runs=r`, { headers, signal: leave.signal })
    await readStream(response, 200).catch(() => {})
    leave.abort()
    await sleep(200)
    const after = looks
    await sleep(200)
    assert.equal(looks, after)
    const head = await fetch(`${url}/v1/events?runs=r`, { method: 'HEAD', headers })
    assert.equal(head.status, 200)
    await sleep(50)
    assert.equal(looks, after + 1)
  })

  it('are looked for ever more rarely while nothing happens, where looks are paid for', async () => {
    let counts = { succeeded: 1 }
    const changes = async () => ({
      events: [{ event: 'counts' as const, run: 'r', counts }],
      runs: [],
      next: 'n',
      lookAgainMs: 1_000,
    })
    const looks = async (read: Control['changes'], times: number) => {
      const waits = []
      for (let i = 0; i < times; i++) waits.push((await read({ runs: ['r'] })).lookAgainMs)
      return waits
    }
    const slow = slowDown(changes, 5_000)
    assert.deepEqual(await looks(slow, 5), [1_000, 2_000, 4_000, 5_000, 5_000])
    counts = { succeeded: 2 }
    assert.deepEqual(await looks(slow, 2), [1_000, 2_000])
    assert.deepEqual(await looks(slowDown(changes, 0), 3), [1_000, 1_000, 1_000])
  })

  it('are refused where a server answers whole', async (test) => {
    const url = await serveControl(test, fakeControl({}), { isStreaming: false })
    const response = await fetch(`${url}/v1/events?runs=r`, { headers })
    assert.equal(response.status, 501)
    assert.match(await response.text(), /not_streamed.*\/v1\/changes/)
  })
})
