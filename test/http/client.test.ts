import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Fetcher, type HttpRequest, makeRemoteControl } from '../../src/http/client.ts'

type Answer = Response | Error

/** A control over servers that answer so, one after the other. */
function answering(...answers: (Answer | (() => Answer))[]) {
  const sent: (HttpRequest & { url: string })[] = []
  const waits: number[] = []
  const fetcher: Fetcher = async (url, request) => {
    sent.push({ url: url.pathname + url.search, ...request })
    const next = answers[Math.min(sent.length, answers.length) - 1]
    const answer = typeof next === 'function' ? next() : next
    if (answer instanceof Error) throw answer
    return answer as Response
  }
  const wait = async (ms: number) => void waits.push(ms)
  return { control: makeRemoteControl({ base: 'https://api.example/', fetcher, wait }), sent, waits }
}

const busy = (status: number) => () => new Response('{"Message":"busy"}', { status })
const opened = () => Response.json({ run: 'r', opened: true }, { status: 201 })

describe('the client', () => {
  it('sends what may be sent twice again, a little later each time', async () => {
    const reset = Object.assign(new TypeError('fetch failed'), { cause: new Error('ECONNRESET') })
    const { control, sent, waits } = answering(busy(502), reset, busy(429), () => Response.json([]))
    assert.deepEqual(await control.budgets(), [])
    assert.equal(sent.length, 4)
    assert.ok(
      waits.every((ms, n) => ms >= 125 * 2 ** n && ms <= 250 * 2 ** n),
      waits.join(' '),
    )
  })

  it('gives up after six times, and says what was in the way', async () => {
    const refused = Object.assign(new TypeError('fetch failed'), { cause: new Error('connect ECONNREFUSED') })
    const { control, sent } = answering(refused)
    await assert.rejects(control.budgets(), {
      code: 'deployment_unreachable',
      message: /api\.example cannot be reached: connect ECONNREFUSED/,
    })
    assert.equal(sent.length, 6)
    await assert.rejects(answering(busy(503)).control.budgets(), {
      code: 'deployment_unreachable',
      message: /answered with 503: busy/,
    })
  })

  it('sends nothing twice that could be done twice, unless it was not done', async () => {
    const forced = { name: 'p', force: true as const }
    const lost = answering(busy(502), opened)
    await assert.rejects(lost.control.start(forced), { code: 'deployment_unreachable' })
    assert.equal(lost.sent.length, 1)
    const throttled = answering(busy(429), opened)
    assert.deepEqual(await throttled.control.start(forced), { run: 'r', opened: true })
    const unforced = answering(busy(502), opened)
    assert.deepEqual(await unforced.control.start({ name: 'p' }), { run: 'r', opened: true })
    for (const act of ['retry', 'cancel'] as const) {
      const { control, sent } = answering(busy(500), opened)
      await assert.rejects(control[act]({ run: 'r' }), { code: 'deployment_unreachable' })
      assert.equal(sent.length, 1)
    }
  })

  it('sends a cursor that is too long for a URL in a body', async () => {
    const page = () =>
      Response.json({
        run: 'r',
        lines: [],
        next: '',
        isMore: false,
        looked: 0,
        isOpen: false,
        hasBegun: true,
        isSingle: true,
        lookAgainMs: 1,
      })
    const { control, sent } = answering(page)
    await control.logs({ run: 'a b/c', cursor: 'short', task: 'T(x=1&2,…)' })
    await control.logs({ run: 'r', cursor: 'x'.repeat(5_000) })
    assert.deepEqual(
      sent.map(({ method, url }) => [method, url]),
      [
        ['GET', '/v1/runs/a%20b%2Fc/logs?cursor=short&task=T%28x%3D1%262%2C%E2%80%A6%29'],
        ['POST', '/v1/runs/r/logs'],
      ],
    )
    assert.deepEqual(JSON.parse(sent[1]?.body ?? ''), { cursor: 'x'.repeat(5_000) })
  })

  it('says when the other side is of another version', async () => {
    const answers: [Response, RegExp][] = [
      [
        Response.json({ error: 'not_found', message: 'There is nothing here.' }, { status: 404 }),
        /has no \/v1\/pools/,
      ],
      [Response.json({ pool: [] }), /another shape/],
      [
        Response.json({ error: { code: 'not_found', message: 'no', hint: null } }, { status: 404 }),
        /another version: no/,
      ],
    ]
    for (const [answer, says] of answers)
      await assert.rejects(answering(answer).control.pools(), {
        code: 'invalid_deployment',
        message: says,
        hint: /deploy/,
      })
  })

  it('says when it is not let in', async () => {
    const { control } = answering(new Response('{"Message":"Forbidden"}', { status: 403 }))
    await assert.rejects(control.pools(), {
      code: 'deployment_unreachable',
      message: /does not allow this: Forbidden/,
    })
  })

  it('tells expired and wrong credentials, and a wrong clock, from what is not allowed', async () => {
    const refusals: [says: string, message: RegExp, hint: RegExp][] = [
      ['The security token included in the request is expired', /credentials have expired/, /Sign in again/],
      ['The security token included in the request is invalid.', /does not accept/, /aws configure/],
      [
        'Signature expired: 20190416T090000Z is now earlier than 20190416T095500Z',
        /clock of this machine is wrong/,
        /Set the clock/,
      ],
    ]
    for (const [says, message, hint] of refusals) {
      const { control } = answering(new Response(JSON.stringify({ message: says }), { status: 403 }))
      await assert.rejects(control.pools(), { code: 'deployment_unreachable', message, hint })
    }
  })
})
