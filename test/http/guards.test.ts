import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { text as readText } from 'node:stream/consumers'
import { describe, it, type TestContext } from 'node:test'
import { HTTP_ERRORS } from '../../src/http/errors.ts'
import { openHostedControl } from '../control/open-state.ts'
import { serveControl, TOKEN } from './served.ts'

const JSON_TYPE = { 'content-type': 'application/json' }
const signed = { authorization: `Bearer ${TOKEN}` }

async function openApi(test: TestContext): Promise<string> {
  return serveControl(test, openHostedControl(test, []))
}

/** The status and the code of an answer. */
async function ask(url: string, init: RequestInit = {}): Promise<[number, string | undefined]> {
  const response = await fetch(url, { ...init, headers: { ...signed, ...init.headers } })
  const text = await response.text()
  const answer = text === '' ? {} : (JSON.parse(text) as { error?: { code: string } })
  return [response.status, answer.error?.code]
}

/** The status of a request with any headers; `fetch` sets its own Host. */
async function statusOf(url: string, lines: string[], body = ''): Promise<number> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  await once(socket, 'connect')
  socket.write([...lines, 'Connection: close', '', body].join('\r\n'))
  return Number((await readText(socket)).split(' ')[1])
}

describe('the guards of the API', () => {
  it('want the token, and compare the whole of it', async (test) => {
    const url = `${await openApi(test)}/v1/runs`
    assert.deepEqual(await ask(url), [200, undefined])
    for (const authorization of ['', TOKEN, 'Bearer', 'Bearer ', `Bearer ${TOKEN}x`, `Basic ${TOKEN}`])
      assert.deepEqual(await ask(url, { headers: { authorization } }), [401, 'unauthorized'], authorization)
    const refused = await fetch(url)
    assert.equal(refused.headers.get('www-authenticate'), 'Bearer')
  })

  it('refuse a host that is not loopback: a name of another page could lead here', async (test) => {
    const url = await openApi(test)
    const status = (host: string) =>
      statusOf(url, ['GET /v1/runs HTTP/1.1', `Host: ${host}`, `Authorization: Bearer ${TOKEN}`])
    for (const host of ['localhost', '127.0.0.1:8080', '[::1]:8080'])
      assert.equal(await status(host), 200, host)
    for (const host of ['evil.example', '127.0.0.1.evil.example', '', 'a b', 'localhost@evil.example'])
      assert.ok([400, 403].includes(await status(host)), `Host: ${host}`)
  })

  it('refuse a page of another origin, whether it reads or acts', async (test) => {
    const url = await openApi(test)
    for (const headers of [
      { origin: 'http://evil.example' },
      { origin: 'null' },
      { origin: url.replace('http:', 'https:') },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
    ] as Record<string, string>[])
      for (const init of [
        { headers },
        { headers, method: 'DELETE' },
        { headers: { ...headers, ...JSON_TYPE }, method: 'POST', body: '{}' },
        { headers, method: 'OPTIONS' },
      ])
        assert.deepEqual((await ask(`${url}/v1/runs`, init))[0], 403, JSON.stringify(init))
    assert.deepEqual(await ask(`${url}/v1/runs`, { headers: { origin: url } }), [200, undefined])
  })

  it('take JSON alone, which a page of another origin cannot send without asking', async (test) => {
    const url = `${await openApi(test)}/v1/runs`
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/jsonp', ''])
      assert.deepEqual(
        await ask(url, { method: 'POST', body: '{}', headers: { 'content-type': type } }),
        [415, 'unsupported_media_type'],
        type,
      )
    const init = {
      method: 'POST',
      body: '{}',
      headers: { 'content-type': 'application/json; charset=utf-8' },
    }
    assert.deepEqual(await ask(url, init), [400, 'invalid_usage'])
  })

  it('refuse a large request before it is read whole, also one whose length is not told', async (test) => {
    const url = await openApi(test)
    const post = (path: string, body: string | ReadableStream) =>
      ask(`${url}${path}`, {
        method: 'POST',
        body,
        headers: { ...JSON_TYPE, connection: 'close' },
        duplex: 'half',
      } as RequestInit)
    const large = JSON.stringify({ name: 'x'.repeat(1_000_000) })
    assert.deepEqual(await post('/v1/plan', large), [413, 'too_large'])
    assert.deepEqual(await post('/v1/runs', large), [404, 'unknown_name'], 'a plan may be larger')
    assert.deepEqual(await post('/v1/runs', JSON.stringify({ plan: 'x'.repeat(10_000_000) })), [
      413,
      'too_large',
    ])
    const endless = new ReadableStream({
      pull: (sink) => sink.enqueue(new TextEncoder().encode('x'.repeat(65_536))),
    })
    const answer = await post('/v1/plan', endless).catch((error) => [413, String(error.cause?.code)])
    assert.equal(answer[0], 413)
    assert.deepEqual(await ask(`${url}/v1/runs`), [200, undefined], 'others are served')
  })

  it('answer unknown paths and methods, and tell which methods there are', async (test) => {
    const url = await openApi(test)
    for (const path of ['/v1', '/v1/', '/v1/run', '/v1/runs/a/b', '/v2/runs', '/', '/v1/../etc/passwd'])
      assert.deepEqual(await ask(url + path), [404, 'not_found'], path)
    const wrong = await fetch(`${url}/v1/runs/x/cancel`, { headers: signed })
    assert.deepEqual([wrong.status, wrong.headers.get('allow')], [405, 'POST'])
    const removed = await fetch(`${url}/v1/runs`, { method: 'DELETE', headers: signed })
    assert.deepEqual([removed.status, removed.headers.get('allow')], [405, 'GET, HEAD, POST'])
    const options = await fetch(`${url}/v1/runs`, { method: 'OPTIONS', headers: signed })
    assert.deepEqual([options.status, options.headers.get('allow')], [204, 'GET, HEAD, POST'])
    assert.equal(options.headers.get('access-control-allow-origin'), null)
    const head = await fetch(`${url}/v1/runs`, { method: 'HEAD', headers: signed })
    assert.deepEqual([head.status, await head.text()], [200, ''])
  })

  it('name every refusal by a code of its own', () => {
    const statuses = Object.values(HTTP_ERRORS).map(({ status }) => status)
    assert.equal(new Set(statuses).size, statuses.length)
  })
})
