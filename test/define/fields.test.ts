import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { z } from 'zod'
import { findFieldProblem, listFieldChoices, parseFieldText } from '../../src/define/fields.ts'
import { checkParsedParams, findParameterKind, parseTaskParams } from '../../src/define/params.ts'
import { day, insignificant, task } from '../../src/index.ts'

const LEVEL = { low: 0, high: 5, 0: 'low', 5: 'high' } as const
type Node = { n: number; next?: Node | undefined }
const NODE: z.ZodType<Node> = z.object({ n: z.number(), next: z.lazy(() => NODE).optional() })
const ROUNDED = z.coerce.number().transform((amount) => Math.round(amount * 100))

describe('a parameter that is given as text', () => {
  const cases: [what: string, field: z.ZodType, kind: string, text: string, parsed: unknown][] = [
    ['a transform', z.number().transform((n) => n * 2), 'number', '12.5', 25],
    ['a coerced number', ROUNDED, 'number', '12.5', 1250],
    ['a pipe', z.string().transform(Number).pipe(z.number()), 'text', '7', 7],
    [
      'what is prepared',
      z.preprocess((text) => String(text).split(','), z.array(z.string())),
      'json',
      'a,b',
      ['a', 'b'],
    ],
    [
      'a union of objects',
      z.union([z.object({ a: z.number() }), z.object({ b: z.string() })]),
      'json',
      '{"b":"x"}',
      { b: 'x' },
    ],
    ['a union of a number and text', z.union([z.number(), z.string()]), 'text', '5', 5],
    ['a union of text and a number', z.union([z.string(), z.number()]), 'text', '5', '5'],
    ['a union of text and an object', z.union([z.string(), z.object({})]), 'json', 'plain', 'plain'],
    ['a numeric literal', z.literal(5), 'number', '5', 5],
    ['literals of several types', z.literal(['1', 1, true, null]), 'text', 'true', true],
    ['a text that is written like a number', z.literal([1, '1']), 'text', '1', '1'],
    ['a numeric enum', z.enum(LEVEL), 'number', '5', 5],
    ['null', z.null(), 'json', 'null', null],
    ['a number that may be null', z.number().nullable().default(3), 'number', 'null', null],
    ['a lazy number', z.lazy(() => z.number()), 'number', '3', 3],
    ['an object that contains itself', NODE, 'json', '{"n":1,"next":{"n":2}}', { n: 1, next: { n: 2 } }],
    ['anything', z.any(), 'json', '[1]', [1]],
    ['a coerced boolean', z.coerce.boolean(), 'boolean', 'false', false],
    [
      'a coerced date that becomes text',
      z.coerce.date().transform((at) => at.toISOString()),
      'text',
      '2026-01-31',
      '2026-01-31T00:00:00.000Z',
    ],
    ['a day that is described', day().describe('The day'), 'day', '2026-01-31', '2026-01-31'],
    ['a day with a check', day().min(10).default('2026-01-31'), 'day', '2026-01-30', '2026-01-30'],
    [
      'a day under a transform',
      day().transform((date) => `${date}T00`),
      'day',
      '2026-01-31',
      '2026-01-31T00',
    ],
  ]
  for (const [what, field, kind, text, parsed] of cases)
    it(`is read by the type that it takes: ${what}`, () => {
      assert.equal(findParameterKind(field), kind)
      assert.equal(findFieldProblem(field), undefined)
      assert.deepEqual(field.parse(parseFieldText(field, text)), parsed)
    })

  it('lists the values that it allows', () => {
    assert.deepEqual(listFieldChoices(z.enum(LEVEL).optional()), ['0', '5'])
    assert.deepEqual(listFieldChoices(z.literal([5, 'a']).default(5)), ['5', 'a'])
  })

  it('is refused at its definition where nobody can give it, or where it is no JSON', () => {
    const refused: [z.ZodType, RegExp][] = [
      [z.date(), /parameter x takes a value of z\.date\(\)/],
      [z.object({ at: z.array(z.date()) }), /takes a value of z\.date\(\)/],
      [z.date().transform(String), /takes a value of z\.date\(\)/],
      [z.coerce.date(), /is a value of z\.date\(\) after parsing/],
      [z.coerce.bigint(), /is a value of z\.bigint\(\) after parsing/],
      [z.map(z.string(), z.string()), /z\.map/],
      [z.union([z.date(), z.bigint()]), /z\.date/],
    ]
    refused.forEach(([field, problem], index) => {
      const { problems } = task(`FieldsRefused${index}`, { params: { x: field } }, () => {}).definition
      assert.match(problems.join(), problem)
    })
    assert.deepEqual(
      task('FieldsTaken', { params: { x: z.union([z.string(), z.date()]) } }, () => {}).definition.problems,
      [],
    )
  })
})

describe('parameters that were parsed before', () => {
  const fields = {
    amount: ROUNDED,
    date: day().transform((date) => `${date}T00`),
    n: z.int().default(3),
    note: z.string().optional(),
  }

  it('are taken as they are, with defaults for what is missing', () => {
    const parsed = parseTaskParams('F', fields, { amount: '12.5', date: '2026-01-31' })
    assert.deepEqual(parsed, { amount: 1250, date: '2026-01-31T00', n: 3 })
    assert.deepEqual(checkParsedParams('F', fields, JSON.parse(JSON.stringify(parsed))), parsed)
    assert.deepEqual(checkParsedParams('F', fields, { amount: 1250, date: '2026-01-31T00' }), parsed)
  })

  it('are refused where they cannot be', () => {
    assert.throws(
      () => checkParsedParams('F', fields, { date: 'x', n: 1.5, other: 1 }),
      /F: no parameter is called other; amount is required; n: /,
    )
  })
})

describe('a parameter that is no part of the identity', () => {
  const plain = () => insignificant(z.string().default('here'))
  for (const [what, field] of Object.entries({
    plain: plain(),
    described: plain().describe('where from'),
    'with a further check': insignificant(z.string()).min(1),
    'with a default put round it': insignificant(z.string()).default('here'),
    'that is optional': insignificant(z.string()).optional(),
  }))
    it(`stays so: ${what}`, () => {
      const Read = task('Read', { params: { date: day(), source: field } }, () => undefined)
      const here = Read({ date: '2026-01-01', source: 'here' })
      const there = Read({ date: '2026-01-01', source: 'there' })
      assert.equal(here.id, there.id)
      assert.notEqual(here.id, Read({ date: '2026-01-02', source: 'here' }).id)
    })

  it('leaves the field as it was that was marked', () => {
    const field = z.string()
    insignificant(field)
    const Read = task('Read', { params: { source: field } }, () => undefined)
    assert.notEqual(Read({ source: 'here' }).id, Read({ source: 'there' }).id)
  })

  it('of which every object is a copy is a day still, and parses', () => {
    const field = insignificant(day()).describe('the day')
    assert.equal(findParameterKind(field), 'day')
    assert.equal(field.safeParse('2026-02-30').success, false)
    assert.equal(insignificant(z.object({ a: z.number() })).parse({ a: 1 }).a, 1)
  })
})
