import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { z } from 'zod'
import { day, folder, json, jsonLines, secret, task, testTask, text } from '../../src/index.ts'
import '../../src/project/resolve-self.ts'

// It imports the library by its name, which is known only now.
const { MatchBatch, MatchTitles } = await import('../../tasks/arxlive/pipeline.ts')

const Visits = task(
  'TestVisits',
  { params: { date: day() }, output: ({ date }) => jsonLines<{ path: string }>(`visits/${date}.jsonl.gz`) },
  async () => {},
)
const Note = task('TestNote', {}, () => ({ factor: 2 }))
const Count = task(
  'TestCount',
  {
    params: { date: day(), scale: z.number().default(1) },
    requires: ({ date }) => ({ visits: [Visits({ date })], note: Note() }),
    output: ({ date }) => ({ sum: json<number>(`sum/${date}.json`), page: text(`sum/${date}.txt`) }),
  },
  async ({ params, input, output, log }) => {
    const [visits] = input.visits
    const rows = (await visits?.read()) ?? []
    const { factor } = await input.note.read()
    log.info('counting')
    await output.sum.write(rows.length * factor * params.scale)
    await output.page.write('done')
  },
)

describe('testTask', () => {
  it('gives a body its input and returns what it wrote', async () => {
    const { output, logs, outcome } = await testTask(
      Count,
      { date: '2026-01-31', scale: 10 },
      { input: { visits: [[{ path: '/' }, { path: '/a' }]], note: { factor: 2 } } },
    )
    assert.equal(outcome, 'succeeded')
    const sum: number = output.sum
    assert.deepEqual([sum, output.page], [40, 'done'])
    assert.deepEqual(
      logs.map((each) => each.text),
      ['counting'],
    )
  })

  it('returns what a body without output returns', async () => {
    assert.deepEqual((await testTask(Note, {})).result, { factor: 2 })
  })

  it('rejects with what the body throws, and refuses wrong parameters', async () => {
    const Throws = task('TestThrows', {}, () => {
      throw new RangeError('too far')
    })
    await assert.rejects(testTask(Throws, {}), /RangeError: too far/)
    await assert.rejects(testTask(Count, { date: '2026-02-30' }), /is not a day that exists/)
  })

  it('shows what a body yields, and what it does with it', async () => {
    const params = {
      date: '2024-03-04',
      until: '2024-03-04',
      production: true,
      source: 'https://example.org/oai',
      graph: 'https://example.org/graph',
    }
    const titles = Array.from({ length: 150 }, (_, index) => ({ id: String(index), title: `T${index}` }))
    const asked = await testTask(MatchTitles, params, { input: titles })
    assert.equal(asked.outcome, 'yielded')
    assert.deepEqual(
      asked.yielded.map(({ family, params }) => [family, params.number]),
      [
        ['MatchBatch', 0],
        ['MatchBatch', 1],
      ],
    )
    const match = (id: string) => [{ id, title: id, paper: null }]
    const done = await testTask(MatchTitles, params, {
      input: titles,
      dependencies: [
        [MatchBatch({ ...params, number: 0 }), match('a')],
        [MatchBatch({ ...params, number: 1 }), match('b')],
      ],
    })
    assert.deepEqual(
      done.output.map(({ id }) => id),
      ['a', 'b'],
    )
  })

  it('counts what is spent, ends where nothing is left, and keeps the checkpoint', async () => {
    const Calls = task(
      'TestCalls',
      { budgets: { mag: 3 } },
      async ({ budgets, checkpoint, saveCheckpoint }) => {
        for (let call = Number(checkpoint ?? 0); call < 5; call++) {
          await budgets.mag.spend()
          saveCheckpoint(call + 1)
        }
      },
    )
    const first = await testTask(Calls, {})
    assert.deepEqual([first.outcome, first.spent, first.checkpoint], ['over_budget', { mag: 3 }, 3])
    const second = await testTask(Calls, {}, { checkpoint: 3 })
    assert.deepEqual([second.outcome, second.spent], ['succeeded', { mag: 2 }])
    const Large = task('TestLarge', {}, ({ saveCheckpoint }) => saveCheckpoint('x'.repeat(20_000)))
    await assert.rejects(testTask(Large, {}), /the checkpoint is 20002 bytes; it holds up to 16384/)
  })

  it('rejects with the very error of the body, and where a secret is not given', async () => {
    class Refused extends Error {
      code = 'E_REFUSED'
    }
    const error = new Refused('no', { cause: 'closed' })
    const Throws = task('TestThrows', { secrets: { key: secret('api/key') } }, async () => {
      throw error
    })
    await assert.rejects(testTask(Throws, {}, { secrets: { key: 'k' } }), (thrown) => thrown === error)
    await assert.rejects(testTask(Throws, {}), /TestThrows is tested without its secret key/)
    const ThrowsText = task('TestThrowsText', {}, async () => {
      throw 'text'
    })
    await assert.rejects(testTask(ThrowsText, {}), (thrown) => thrown === 'text')
    const Nan = task('TestNan', {}, () => ({ mean: Number.NaN }))
    await assert.rejects(testTask(Nan, {}), /what TestNan returned is no plain JSON: mean is NaN/)
  })

  it('reads and writes folders of files', async () => {
    const Parts = task('TestParts', { output: () => folder('parts') }, async ({ output }) => {
      await output.json('b.json').write(2)
      await output.jsonLines('a.jsonl.gz').write([1])
    })
    const Reads = task('TestReads', { requires: () => Parts() }, async ({ input, output }) => {
      assert.equal(output, undefined)
      return { names: await input.names() }
    })
    assert.equal((await testTask(Parts, {})).outcome, 'succeeded')
    await assert.rejects(testTask(Reads, {}), /ENOENT/)
  })
})
