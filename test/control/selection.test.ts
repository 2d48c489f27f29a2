import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FIELDS, formatSelection, quoteValue, type Term } from '../../src/control/selection/language.ts'
import { makeParamMatcher, makeTextMatcher, matchesRun } from '../../src/control/selection/match.ts'
import { parseSelection } from '../../src/control/selection/parse.ts'
import { SluiceError } from '../../src/core/errors.ts'
import fc from '../support/fast-check.ts'

const refusal = (text: string): string => {
  try {
    parseSelection(text)
  } catch (error) {
    assert.ok(error instanceof SluiceError, String(error))
    assert.equal(error.code, 'invalid_usage')
    assert.ok((error.hint ?? '').length > 0)
    return error.message
  }
  return assert.fail(`${text} was not refused`)
}

const first = (text: string) => parseSelection(text)[0] as Term
const matchText = (text: string, value: string) => makeTextMatcher(first(text))(value)
const matchParams = (text: string, params: { [name: string]: never }) =>
  makeParamMatcher(first(text) as Term & { param: string })(params)
const params = (value: object) => value as { [name: string]: never }

describe('the language of selections', () => {
  it('has terms of names, signs and values', () => {
    assert.deepEqual(parseSelection(' status=failed,cancelled  family!=Match* date>=2015-05-18 '), [
      {
        field: 'status',
        sign: '=',
        values: [
          { text: 'failed', isQuoted: false },
          { text: 'cancelled', isQuoted: false },
        ],
      },
      { field: 'family', sign: '!=', values: [{ text: 'Match*', isQuoted: false }] },
      { param: 'date', sign: '>=', values: [{ text: '2015-05-18', isQuoted: false }] },
    ])
  })

  it('leaves spaces and commas in quotes and parentheses to their value', () => {
    assert.deepEqual(first('task=Count(date=2015,part=a b),"a \\"b\\", \\\\c"').values, [
      { text: 'Count(date=2015,part=a b)', isQuoted: false },
      { text: 'a "b", \\c', isQuoted: true },
    ])
    assert.deepEqual(first('param.status=x'), {
      param: 'status',
      sign: '=',
      values: [{ text: 'x', isQuoted: false }],
    })
  })

  it('says what is wrong, what is allowed, and the nearest name', () => {
    assert.match(refusal('status=faled'), /faled is no status.* Did you mean failed\?/)
    assert.match(refusal('famly'), /famly in the selection is no term.* Did you mean family\?/)
    assert.match(refusal(''), /empty/)
    assert.match(refusal('status='), /status= has an empty value/)
    assert.match(refusal('a="b'), /quote of a= is not closed/)
    assert.match(refusal('a=b('), /parenthesis of a= is not closed/)
    assert.match(refusal('a="b"c'), /space or a comma is missing/)
    assert.match(refusal('status>failed'), /only intervals and parameters have an order/)
    assert.match(refusal('date>1,2'), /takes one value/)
    assert.match(refusal('upstream-of=Match*'), /takes tasks and no pattern/)
    assert.match(refusal('interval=2015-02-30'), /no time that exists/)
    assert.match(refusal('x'.repeat(5_000)), /5000 characters; 4000 are allowed/)
  })

  it('never fails but with a message, whatever is given', () => {
    const piece = fc.oneof(
      fc.constantFrom(
        ...FIELDS,
        '=',
        '!=',
        '>=',
        ',',
        '"',
        '\\',
        '(',
        ')',
        '*',
        ' ',
        '\u202e',
        '<b>',
        'param.',
      ),
      fc.string({ unit: 'binary' }),
    )
    const texts = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(''))
    fc.assert(
      fc.property(texts, (text) => {
        try {
          const selection = parseSelection(text)
          assert.deepEqual(parseSelection(formatSelection(selection)), selection)
        } catch (error) {
          assert.ok(error instanceof SluiceError, String(error))
        }
      }),
      { numRuns: 3_000 },
    )
  })

  it('means any text exactly, if it is quoted', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), fc.string(), (text, other) => {
        const term = first(`x=${quoteValue(text)}`) as Term & { param: string }
        const matches = makeParamMatcher(term)
        assert.ok(matches({ x: text }))
        assert.equal(matches({ x: other }), other === text)
      }),
    )
  })
})

describe('the meaning of a term', () => {
  it('has stars for any text, as a regular expression has them', () => {
    assert.ok(matchText('family=M*ch*', 'MatchBatch'))
    assert.ok(!matchText('family="M*"', 'MatchBatch'))
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', '*'), minLength: 1, maxLength: 8 })
    const names = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 12 })
    fc.assert(
      fc.property(letters, names, (pattern, name) => {
        const wanted = new RegExp(`^${pattern.replaceAll('*', '.*')}$`).test(name)
        assert.equal(matchText(`family=${pattern}`, name), wanted)
      }),
      { numRuns: 2_000 },
    )
  })

  it('compares parameters: numbers by their order, lists as JSON, and not those that are absent', () => {
    assert.ok(matchParams('n=5', params({ n: 5 })))
    assert.ok(matchParams('n>=10', params({ n: 10 })) && !matchParams('n>9', params({ n: 9 })))
    assert.ok(matchParams('n>9', params({ n: 10 })) && !matchParams('n>x', params({ n: 10 })))
    assert.ok(matchParams('date<2015-05-18', params({ date: '2015-05-17' })))
    assert.ok(matchParams('list="[1,2]"', params({ list: [1, 2] })))
    assert.ok(matchParams('on=true', params({ on: true })) && matchParams('x=null', params({ x: null })))
    assert.ok(!matchParams('x!=1', params({})) && matchParams('x!=1', params({ x: 2 })))
    assert.ok(!matchParams('toString=*', params({})))
  })

  it('finds runs by the beginning of their interval, in the zone of the schedule', () => {
    const start = Date.parse('2015-05-17T22:00:00Z')
    const run = { name: 'visits', interval: { start, end: start + 86_400_000 } }
    const match = (text: string, zone = 'Europe/Berlin') => matchesRun(first(text), run, zone)
    assert.ok(match('interval=2015-05-18') && !match('interval=2015-05-18', 'UTC'))
    assert.ok(match('interval=2015-05-01,2015-05-18') && !match('interval!=2015-05-18'))
    assert.ok(match('interval>=2015-05-18') && match('interval<=2015-05-18'))
    assert.ok(!match('interval>2015-05-18') && !match('interval<2015-05-18') && match('interval>2015-05-17'))
    assert.ok(match('pipeline=vis*') && !match('pipeline!=visits'))
    assert.ok(!matchesRun(first('interval!=2015-05-18'), { name: 'visits' }, 'UTC'))
  })
})
