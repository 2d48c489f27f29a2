import assert from 'node:assert/strict'
import { it } from 'node:test'
import { z } from 'zod'
import { daily, day, json, jsonLines, pipeline, task, text } from '../../src/index.ts'

/** Compiles only where both types are the same. */
function same<A, B>(..._: [A] extends [B] ? ([B] extends [A] ? [] : [never]) : [never]): void {}

const Fetch = task(
  'TypedFetch',
  { params: { date: day() }, output: ({ date }) => jsonLines<{ path: string }>(`raw/${date}.jsonl.gz`) },
  async ({ params, output }) => {
    same<typeof params, { date: string }>()
    await output.write([{ path: '/' }])
    // @ts-expect-error a line has a path
    await output.write([{ paths: '/' }])
  },
)

const Count = task(
  'TypedCount',
  {
    retry: { attempts: 5 },
    requires: ({ date, n }) => ({
      raw: Fetch({ date }),
      all: [Fetch({ date })],
      none: n > 1 ? Fetch({ date }) : undefined,
    }),
    output: ({ date }) => ({
      report: json<{ n: number }>(`count/${date}.json`),
      words: text(`words/${date}.txt`),
    }),
    params: { ...Fetch.params, n: z.number().default(1) },
  },
  async ({ params, input, output }) => {
    same<typeof params, { date: string; n: number }>()
    for await (const line of input.raw.readLines()) same<typeof line, { path: string }>()
    same<NonNullable<typeof input.none>, typeof input.raw>()
    same<(typeof input.all)[number], typeof input.raw>()
    await output.report.write({ n: 1 })
    await output.words.write('one')
  },
)

const Marked = task('TypedMarked', {}, () => ({ rows: 3 }))
task('TypedAfter', { requires: () => Marked() }, async ({ input, output }) => {
  same<Awaited<ReturnType<typeof input.read>>, { rows: number }>()
  same<typeof output, undefined>()
})

it('types the parameters that a schedule has to give', () => {
  // @ts-expect-error the root needs a date
  pipeline('typed-none', Fetch, { schedule: daily() })
  // @ts-expect-error the root's date is text
  pipeline('typed-wrong', Fetch, { schedule: daily(), params: () => ({ date: 1 }) })
  pipeline('typed-right', Fetch, { schedule: daily(), params: ({ date }) => ({ date }) })
  pipeline('typed-by-hand', Fetch, { description: 'without a schedule' })
  pipeline('typed-without', Marked, { schedule: daily() })
})

it('types parameters, input and output from end to end', () => {
  assert.equal(Count({ date: '2026-01-31' }).label, 'TypedCount(date=2026-01-31,n=1)')
  // @ts-expect-error date is required
  assert.throws(() => Count({}), /date is required/)
  // @ts-expect-error there is no such parameter
  assert.throws(() => Fetch({ date: '2026-01-31', day: 3 }), /no parameter is called day/)
  assert.throws(() => Fetch({ date: '2026-02-30' }), /not a day that exists/)
})
