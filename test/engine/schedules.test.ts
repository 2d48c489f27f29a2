import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Span } from '../../src/core/calendar.ts'
import { SluiceError } from '../../src/core/errors.ts'
import { keys } from '../../src/core/keys.ts'
import type { Run } from '../../src/core/records/run.ts'
import type { ScheduleRule } from '../../src/core/schedule.ts'
import { readSchedule, setSchedulePaused, tickSchedule } from '../../src/engine/schedules.ts'
import { stepwise } from '../support/stepwise.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const RULE: ScheduleRule = {
  cron: '0 0 * * *',
  timeZone: 'UTC',
  lookBackDays: 7,
  catchUp: 'all',
  maxActiveRuns: 1,
}

/** A schedule whose runs end as they are told. */
function scheduled(more: Partial<ScheduleRule> = {}) {
  const { context, clock } = stepwise()
  const rule = { ...RULE, ...more }
  const started: Span[] = []
  const idOf = ({ start }: Span) => `p-${start}-${started.length}`
  const start = async (span: Span) => {
    started.push(span)
    const id = idOf(span)
    const run = { kind: 'run', id, status: 'running' } as Run
    await context.ports.store.write([{ key: keys.run(id), put: run }])
    return id
  }
  const tick = (meanwhile = async () => {}) =>
    tickSchedule(context, 'p', rule, async (span) => {
      await meanwhile()
      return start(span)
    })
  const end = async (status: Run['status']) => {
    const { open } = await readSchedule(context, 'p')
    for (const { run } of open)
      if (run !== undefined)
        await context.ports.store.write([{ key: keys.run(run), set: { status }, if: { kind: 'run' } }])
  }
  const resume = () => setSchedulePaused(context, 'p', false)
  const pause = () => setSchedulePaused(context, 'p', true)
  /** Forgets the runs of intervals, as pruning does. */
  const forget = async () => {
    for (const { run } of await open())
      if (run !== undefined) await context.ports.store.write([{ key: keys.run(run), remove: true }])
  }
  const starts = () => started.map((span) => new Date(span.start).toISOString().slice(0, 16))
  const open = async () => (await readSchedule(context, 'p')).open
  return { context, clock, tick, end, resume, pause, forget, starts, open }
}

describe('a schedule', () => {
  it('starts paused, and begins with the interval that ends next', async () => {
    const { clock, tick, resume, starts } = scheduled()
    await tick()
    clock.advance(3 * DAY_MS + HOUR_MS)
    await tick()
    assert.deepEqual(starts(), [])
    await resume()
    await tick()
    assert.deepEqual(starts(), [])
    clock.advance(DAY_MS)
    await tick()
    assert.deepEqual(starts(), ['2026-01-04T00:00'])
  })

  it('goes on after an interval that cannot be started, which is tried again later', async () => {
    const { context, clock, resume } = scheduled()
    await resume()
    const tried: string[] = []
    let isRepaired = false
    const tick = () =>
      tickSchedule(context, 'p', RULE, async ({ start }) => {
        const day = new Date(start).toISOString().slice(0, 10)
        tried.push(day)
        if (day === '2026-01-01' && !isRepaired) throw new SluiceError('invalid_parameter', 'no table')
        return undefined
      })
    clock.advance(2 * DAY_MS)
    const [unstarted] = await tick()
    assert.equal(unstarted?.error.message, 'no table')
    assert.deepEqual(await tick(), [])
    assert.deepEqual(tried, ['2026-01-01', '2026-01-02'])
    assert.deepEqual(
      (await readSchedule(context, 'p')).open.map(({ failures }) => failures),
      [1],
    )
    isRepaired = true
    clock.advance(2 * HOUR_MS)
    await tick()
    assert.deepEqual(tried, ['2026-01-01', '2026-01-02', '2026-01-01'])
    assert.deepEqual((await readSchedule(context, 'p')).open, [])
  })

  it('that nobody looked at for three intervals runs each once, oldest first, one at a time', async () => {
    const { clock, tick, end, resume, starts } = scheduled()
    await resume()
    clock.advance(3 * DAY_MS + HOUR_MS)
    for (let looks = 0; looks < 8; looks++) {
      await tick()
      await tick()
      await end('succeeded')
    }
    assert.deepEqual(starts(), ['2026-01-01T00:00', '2026-01-02T00:00', '2026-01-03T00:00'])
  })

  it('runs as many at once as it may', async () => {
    const { clock, tick, resume, starts } = scheduled({ maxActiveRuns: 2 })
    await resume()
    clock.advance(3 * DAY_MS)
    await tick()
    await tick()
    assert.equal(starts().length, 2)
  })

  it('leaves out no interval, however many it has to catch up with', async () => {
    const { clock, tick, end, resume, starts } = scheduled()
    await resume()
    clock.advance(6 * DAY_MS)
    for (let looks = 0; looks < 8; looks++) {
      await tick()
      await end('succeeded')
    }
    assert.equal(new Set(starts()).size, 6)
    assert.equal(starts().length, 6)
  })

  for (const [what, over] of [
    ['was cancelled', ({ end }) => end('cancelled')],
    ['was forgotten', ({ forget }) => forget()],
  ] as [string, (engine: ReturnType<typeof scheduled>) => Promise<void>][])
    it(`is done with an interval whose run ${what}, and goes on with the next`, async () => {
      const engine = scheduled()
      const { clock, tick, end, resume, starts } = engine
      await resume()
      clock.advance(2 * DAY_MS)
      await tick()
      await over(engine)
      for (let looks = 0; looks < 3; looks++) {
        await tick()
        await end('succeeded')
        clock.advance(2 * HOUR_MS)
      }
      assert.deepEqual(starts(), ['2026-01-01T00:00', '2026-01-02T00:00'])
    })

  it('starts nothing while it is paused, also of what it had found before', async () => {
    const { clock, tick, end, resume, pause, starts } = scheduled()
    await resume()
    clock.advance(3 * DAY_MS)
    await tick()
    await pause()
    await end('succeeded')
    await tick()
    assert.equal(starts().length, 1)
    await resume()
    await tick()
    assert.equal(starts().length, 2)
  })

  it('stays paused where it was paused while another process looked at it', async () => {
    const { context, clock, tick, resume, pause } = scheduled()
    await resume()
    clock.advance(DAY_MS)
    await tick(pause)
    assert.equal((await readSchedule(context, 'p')).paused, true)
  })

  it('catches up with the latest only, or with none', async () => {
    for (const [catchUp, wanted] of [
      ['latest', ['2026-01-03T00:00']],
      ['none', []],
    ] as const) {
      const { clock, tick, resume, starts } = scheduled({ catchUp })
      await resume()
      clock.advance(3 * DAY_MS + HOUR_MS)
      await tick()
      assert.deepEqual(starts(), wanted)
      clock.advance(DAY_MS - HOUR_MS)
      await tick()
      assert.equal(starts().length, wanted.length + (catchUp === 'none' ? 1 : 0))
    }
  })

  it('looks back no further than it may', async () => {
    const { clock, tick, end, resume, starts } = scheduled({ lookBackDays: 2 })
    await resume()
    clock.advance(10 * DAY_MS)
    for (let looks = 0; looks < 6; looks++) {
      await tick()
      await end('succeeded')
    }
    assert.deepEqual(starts(), ['2026-01-09T00:00', '2026-01-10T00:00'])
  })

  it('opens a failed interval again after 1, 6 and 24 hours, then gives it up and keeps it in sight', async () => {
    const { clock, tick, end, resume, starts, open } = scheduled()
    await resume()
    clock.advance(DAY_MS)
    await tick()
    for (const [failures, hours] of [1, 6, 24].entries()) {
      await end('failed')
      await tick()
      assert.equal(starts().filter((each) => each === '2026-01-01T00:00').length, failures + 1)
      clock.advance(hours * HOUR_MS)
      await tick()
      assert.equal(starts().filter((each) => each === '2026-01-01T00:00').length, failures + 2)
    }
    await end('failed')
    await tick()
    const [given] = await open()
    assert.deepEqual([given?.failures, given?.retryAt, given?.run], [4, undefined, undefined])
  })

  it('across a daylight-saving change runs every interval of a month once', async () => {
    for (const [month, hours] of [
      [Date.UTC(2026, 2, 1) - HOUR_MS, 31 * 24 - 1],
      [Date.UTC(2026, 9, 1) - 2 * HOUR_MS, 31 * 24 + 1],
    ] as const) {
      const { clock, tick, end, resume, starts } = scheduled({ cron: '0 * * * *', timeZone: 'Europe/Berlin' })
      clock.advance(month - clock.now())
      await resume()
      for (let hour = 0; hour < hours; hour++) {
        clock.advance(HOUR_MS)
        await tick()
        await end('succeeded')
      }
      assert.equal(starts().length, hours)
      assert.equal(new Set(starts()).size, hours)
    }
  })

  it('goes on with new intervals however many have failed', async () => {
    const { clock, tick, end, resume, starts, open } = scheduled({ cron: '*/15 * * * *', maxActiveRuns: 500 })
    await resume()
    for (let round = 0; round < 12; round++) {
      clock.advance(25 * HOUR_MS)
      await tick()
      await end('failed')
    }
    assert.ok((await open()).length <= 1_200, String((await open()).length))
    for (let round = 0; round < 6; round++) {
      clock.advance(HOUR_MS)
      await tick()
      await end('succeeded')
    }
    const last = starts().at(-1) ?? ''
    assert.ok(Date.parse(`${last}Z`) > clock.now() - HOUR_MS, last)
  })

  it('catches up with the latest only, however many were missed', async () => {
    const { clock, tick, end, resume, starts } = scheduled({ cron: '*/15 * * * *', catchUp: 'latest' })
    await resume()
    clock.advance(6 * DAY_MS)
    for (let looks = 0; looks < 5; looks++) {
      await tick()
      await end('succeeded')
    }
    assert.deepEqual(starts(), ['2026-01-06T23:45'])
  })

  it('is not started twice by two who look at once', async () => {
    const { clock, tick, resume, open } = scheduled()
    await resume()
    clock.advance(DAY_MS)
    await Promise.all([tick(), tick()])
    assert.equal((await open()).length, 1)
  })
})
