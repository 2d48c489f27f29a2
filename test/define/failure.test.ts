import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { runInNewContext } from 'node:vm'
import { makeBodyFailure } from '../../src/body/failure.ts'

describe('the failure of a body', () => {
  it('tells every cause in the chain, each with its message and the first line of the user', () => {
    const disk = new Error('disk gone')
    const read = new TypeError('cannot read', { cause: disk })
    const { message, stack } = makeBodyFailure(new Error('no report', { cause: read }))
    assert.equal(message, 'no report (TypeError: cannot read (disk gone))')
    const causes = (stack ?? '')
      .split('\n')
      .slice((stack ?? '').split('\n').indexOf('Caused by: TypeError: cannot read'))
    assert.equal(causes[0], 'Caused by: TypeError: cannot read')
    assert.match(causes[1] ?? '', /^ {4}at .*failure\.test\.ts:\d+/)
    assert.equal(causes[2], '  Caused by: disk gone')
    assert.match(causes[3] ?? '', /^ {6}at .*failure\.test\.ts:\d+/)
  })

  it('tells the members of an AggregateError, and the code of an error without a message', () => {
    const refused = Object.assign(
      new AggregateError(
        [new Error('connect ECONNREFUSED ::1:1'), new Error('connect ECONNREFUSED 127.0.0.1:1')],
        '',
      ),
      { code: 'ECONNREFUSED' },
    )
    const { message } = makeBodyFailure(new TypeError('fetch failed', { cause: refused }))
    assert.equal(
      message,
      'TypeError: fetch failed (AggregateError: ECONNREFUSED (connect ECONNREFUSED ::1:1; connect ECONNREFUSED 127.0.0.1:1))',
    )
  })

  it('tells what is thrown or a cause and no error', () => {
    assert.equal(makeBodyFailure({ status: 503 }).message, 'thrown: { status: 503 }')
    assert.equal(makeBodyFailure(undefined).message, 'thrown: undefined')
    assert.equal(makeBodyFailure(new Error('no', { cause: 'quota' })).message, "no ('quota')")
    assert.equal(makeBodyFailure(new Error('no', { cause: { status: 503 } })).message, 'no ({ status: 503 })')
    assert.equal(
      makeBodyFailure(runInNewContext('new RangeError("elsewhere")')).message,
      'RangeError: elsewhere',
    )
  })

  it('is bounded, also where errors cause each other or there are many', () => {
    const one = new Error('one')
    const two = new Error('two', { cause: one })
    one.cause = two
    assert.equal(makeBodyFailure(one).message, 'one (two (one (again)))')
    let chain = new Error('0')
    for (let n = 1; n < 10_000; n++) chain = new Error(`${n}`, { cause: chain })
    assert.match(makeBodyFailure(chain).message, /^9999 \(9998 \(.*… and more\)+$/)
    const many = new AggregateError(
      Array.from({ length: 10_000 }, (_, n) => new Error(`e${n}`)),
      'many',
    )
    const { message, stack } = makeBodyFailure(many)
    assert.ok(message.length < 500 && (stack ?? '').split('\n').length < 50)
    assert.ok(makeBodyFailure(new Error('x', { cause: 'y'.repeat(1e6) })).message.length < 500)
  })
})
