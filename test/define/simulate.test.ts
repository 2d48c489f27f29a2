import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { z } from 'zod'
import {
  type AttemptToBe,
  cron,
  daily,
  external,
  file,
  hourly,
  json,
  pipeline,
  simulate,
  task,
} from '../../src/index.ts'
import { temporaryFolder } from '../support/folders.ts'

const Source = external('SimSource', {
  params: { date: z.string() },
  output: ({ date }) => file(`in/${date}`),
})
const Load = task(
  'SimLoad',
  {
    params: { date: z.string() },
    requires: ({ date }) => Source({ date }),
    output: ({ date }) => json(`load/${date}.json`),
  },
  async () => assert.fail('no body is run'),
)
const Report = task(
  'SimReport',
  {
    params: { date: z.string() },
    requires: ({ date }) => Load({ date }),
    output: ({ date }) => json(`report/${date}.json`),
    retry: { attempts: 2, delaySeconds: 60 },
  },
  async () => {},
)
const reports = pipeline('sim-reports', Report, {
  schedule: daily({ timeZone: 'Europe/Berlin' }),
  params: ({ date }) => ({ date }),
})
const Hour = task(
  'SimHour',
  { params: { hour: z.string() }, output: ({ hour }) => json(`hour/${hour}.json`) },
  async () => {},
)
const hours = pipeline('sim-hours', Hour, {
  schedule: hourly({ timeZone: 'Europe/Berlin' }),
  params: ({ hour }) => ({ hour }),
})

const month = { from: '2026-03-01', to: '2026-03-31' }

describe('a simulated month', () => {
  it('runs every interval once, also across daylight saving', async () => {
    const { runs, attempts } = await simulate([reports, hours], month)
    const of = (name: string) => runs.filter(({ pipeline }) => pipeline === name)
    assert.equal(of('sim-reports').length, 31)
    assert.equal(of('sim-hours').length, 31 * 24)
    assert.equal(new Set(of('sim-hours').map(({ interval }) => interval)).size, 31 * 24)
    assert.ok(runs.every(({ status }) => status === 'succeeded'))
    assert.equal(attempts.length, 31 * 2 + 31 * 24)
    assert.deepEqual(of('sim-reports').at(0)?.params, { date: '2026-03-01' })
  })

  it('retries what fails, and opens a failed interval again after an hour', async () => {
    let broken = 0
    const { runs } = await simulate(reports, {
      ...month,
      fail: ({ family, params }) =>
        family === 'SimReport' && params.date === '2026-03-10' && broken++ < 3
          ? 'the report is broken'
          : undefined,
    })
    const tenth = runs.filter(({ params }) => params.date === '2026-03-10')
    assert.deepEqual(
      tenth.map(({ status }) => status),
      ['failed', 'succeeded'],
    )
    assert.equal(broken, 4)
    const [first, second] = tenth.map(({ startedAt }) => startedAt.getTime())
    assert.ok((second ?? 0) - (first ?? 0) >= 3_600_000)
  })

  it('makes up for an outage of three days, oldest first, and loses nothing', async () => {
    const { runs, attempts } = await simulate(reports, {
      ...month,
      durationSeconds: 600,
      outages: [{ from: '2026-03-09T23:05:00Z', to: '2026-03-13T12:00:00Z' }],
    })
    assert.equal(runs.length, 31)
    assert.ok(runs.every(({ status }) => status === 'succeeded'))
    assert.equal(attempts.filter(({ outcome }) => outcome === 'lost').length, 1)
    const caughtUp = runs.filter(({ startedAt }) => startedAt.toISOString().startsWith('2026-03-13T1'))
    assert.deepEqual(
      caughtUp.map(({ params }) => params.date),
      ['2026-03-10', '2026-03-11', '2026-03-12'],
    )
  })

  it('waits for budgets and goes on at the turn of their window', async () => {
    const Call = task('SimCall', { params: { at: z.string() }, budgets: { calls: 10 } }, async () => {})
    const calls = pipeline('sim-calls', Call, {
      schedule: cron('0 */6 * * *', { maxActiveRuns: 10 }),
      params: ({ start }) => ({ at: start }),
    })
    const { runs } = await simulate(calls, {
      from: '2026-03-01',
      to: '2026-03-02',
      budgets: { calls: { limit: 20, per: 'day' } },
    })
    assert.equal(runs.length, 8)
    assert.ok(runs.every(({ status }) => status === 'succeeded'))
    const days = Map.groupBy(runs, ({ endedAt }) => endedAt?.toISOString().slice(0, 10))
    assert.deepEqual(
      [...days].map(([day, some]) => [day, some.length]),
      [
        ['2026-03-01', 2],
        ['2026-03-02', 2],
        ['2026-03-03', 2],
        ['2026-03-04', 2],
      ],
    )
  })

  it('has the same runs and attempts on disk as in memory', async (test) => {
    const options = {
      ...month,
      fail: ({ family, params, attempt }: AttemptToBe) =>
        family === 'SimReport' && params.date === '2026-03-10' && attempt === 1 ? 'broken' : undefined,
      outages: [{ from: '2026-03-19T23:00:30Z', to: '2026-03-21T12:00:00Z' }],
    }
    const state = join(temporaryFolder(test), 'state')
    const kept = await simulate([reports, hours], { ...options, state })
    const { runs, attempts } = await simulate([reports, hours], options)
    assert.deepEqual(kept.runs, runs)
    // Of attempts that begin at one instant, pipelines take turns as their queue has it.
    const sort = (some: typeof attempts) => some.toSorted((a, b) => +a.at - +b.at || (a.run < b.run ? -1 : 1))
    assert.deepEqual(sort(kept.attempts), sort(attempts))
    // The state of a simulation is replaced by the next one.
    assert.deepEqual(await simulate([reports, hours], { ...options, state }), kept)
  })

  it('says what cannot be simulated', async () => {
    const Heavy = task('SimHeavy', { pool: 'heavy' }, () => {})
    const Root = task('SimRoot', { params: { at: z.string() }, requires: () => Heavy() }, () => {})
    const heavy = pipeline('sim-heavy', Root, { schedule: daily(), params: ({ date }) => ({ at: date }) })
    await assert.rejects(simulate(heavy, month), /SimHeavy: there is no pool heavy; there are: default/)
    assert.equal((await simulate(heavy, { ...month, pools: { heavy: {} } })).runs.length, 31)
    const outages = [{ from: 'noon', to: '2026-03-02T00:00:00Z' }]
    await assert.rejects(
      simulate(heavy, { ...month, pools: { heavy: {} }, outages }),
      /The outage from noon to/,
    )
    const never = pipeline('sim-never', Hour)
    await assert.rejects(simulate(never, month), /sim-never has no schedule/)
    await assert.rejects(simulate(hours, { from: '2026-03-02', to: '2026-03-01' }), /no stretch of time/)
  })
})
