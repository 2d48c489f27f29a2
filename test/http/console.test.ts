import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { buildConsole, MAX_CONSOLE_BYTES } from '../../console/build.ts'
import { createHttpApi } from '../../src/http/api.ts'
import { addConsole, makeCookieName } from '../../src/http/console.ts'
import { openHostedControl } from '../control/open-state.ts'
import { temporaryFolder } from '../support/folders.ts'

const TOKEN = 'a-token-of-the-console'
const host = { host: '127.0.0.1:8080' }

describe('the console', () => {
  it('is light: less than 100 kB after gzip in all', async (test) => {
    assert.ok((await buildConsole(temporaryFolder(test))) < MAX_CONSOLE_BYTES)
  })

  it('moves a right token into a strict cookie, by which the API is asked', async (test) => {
    const cookie = makeCookieName(TOKEN)
    const app = createHttpApi(openHostedControl(test, []), {
      guards: { isLoopbackOnly: true, token: TOKEN, cookie },
      onDefect: () => {},
    })
    addConsole(app, new Map([['index.html', { type: 'text/html', body: '<p>page' }]]), {
      token: TOKEN,
      cookie,
    })
    const wrong = await app.request('/?token=wrong', { headers: host })
    assert.deepEqual([wrong.status, wrong.headers.get('set-cookie')], [401, null])
    const right = await app.request(`/?token=${TOKEN}`, { headers: host })
    assert.deepEqual([right.status, right.headers.get('location')], [303, '/'])
    const kept = right.headers.get('set-cookie') ?? ''
    assert.match(kept, /HttpOnly/)
    assert.match(kept, /SameSite=Strict/)
    const asked = async (value: string, headers = {}) =>
      (await app.request('/v1/runs', { headers: { ...host, cookie: value, ...headers } })).status
    assert.equal(await asked(`${cookie}=${TOKEN}`), 200)
    assert.equal(await asked(`${cookie}=wrong`), 401)
    assert.equal(await asked(`${cookie}=${TOKEN}`, { origin: 'http://evil.example' }), 403)
  })

  it('has pages without script of their own, and only for this machine', async (test) => {
    const app = createHttpApi(openHostedControl(test, []), { guards: {}, onDefect: () => {} })
    addConsole(app, new Map([['index.html', { type: 'text/html', body: '<p>page' }]]), {
      token: TOKEN,
      cookie: 'c',
    })
    for (const path of ['/', '/runs', '/runs/a/tasks/0/log', '/limits', '/pipelines/a']) {
      const page = await app.request(path, { headers: host })
      assert.equal(page.status, 200, path)
      const policy = page.headers.get('content-security-policy') ?? ''
      assert.match(policy, /script-src 'self'(;|$)/)
      assert.doesNotMatch(policy, /unsafe/)
    }
    assert.equal((await app.request('/', { headers: { host: 'evil.example' } })).status, 403)
    assert.equal((await app.request('/nothing', { headers: host })).status, 404)
  })
})
