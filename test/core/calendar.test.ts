import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  describeInterval,
  findBudgetWindow,
  formatDayInZone,
  makeScheduleIntervals,
  parseTimeSpan,
  type Span,
} from '../../src/core/calendar.ts'
import { findCronProblem, isKnownTimeZone } from '../../src/core/cron.ts'

const HOUR_MS = 3_600_000
const at = (text: string) => Date.parse(text)
const iso = (ms: number) => new Date(ms).toISOString()

/** All intervals that end within a stretch. */
function endingIn(cron: string, timeZone: string, from: string, to: string): Span[] {
  const intervals = makeScheduleIntervals({ cron, timeZone })
  const spans: Span[] = []
  for (
    let span = intervals.after(intervals.endedBefore(at(from)));
    span.end <= at(to);
    span = intervals.after(span)
  )
    spans.push(span)
  return spans
}

const tiles = (spans: Span[]) =>
  spans.every((span, index) => index === 0 || span.start === spans[index - 1]?.end)

describe('intervals across daylight saving', () => {
  for (const [zone, month, days] of [
    ['Europe/Berlin', ['2026-03-01T00:00:00+01:00', '2026-04-01T00:00:00+02:00'], 31],
    ['Europe/Berlin', ['2026-10-01T00:00:00+02:00', '2026-11-01T00:00:00+01:00'], 31],
    ['America/New_York', ['2026-11-01T00:00:00-04:00', '2026-12-01T00:00:00-05:00'], 30],
    ['UTC', ['2026-02-01T00:00:00Z', '2026-03-01T00:00:00Z'], 28],
  ] as const)
    it(`of ${zone} from ${month[0]} tile a month: days, hours and quarters, each with a name of its own`, () => {
      const hours = (at(month[1]) - at(month[0])) / HOUR_MS
      for (const [cron, count, name] of [
        ['0 0 * * *', days, 'date'],
        ['0 * * * *', hours, 'hour'],
        ['*/15 * * * *', hours * 4, 'quarter'],
      ] as const) {
        const spans = endingIn(cron, zone, month[0], month[1])
        assert.equal(spans.length, count)
        assert.ok(tiles(spans))
        assert.equal(spans[0]?.start, at(month[0]))
        const names = spans.map((span) => describeInterval(span, zone)[name])
        assert.equal(new Set(names).size, count)
        assert.equal(new Set(spans.map((span) => describeInterval(span, zone).start)).size, count)
      }
    })

  it('begin at the first instant of a day that has no midnight', () => {
    const [span] = endingIn('0 0 * * *', 'Asia/Beirut', '2026-03-29T12:00:00Z', '2026-03-29T22:00:00Z')
    assert.equal(iso(span?.start ?? 0), '2026-03-28T22:00:00.000Z')
    assert.equal(describeInterval(span as Span, 'Asia/Beirut').start, '2026-03-29T01:00:00+03:00')
  })

  it('at a time that exists twice or never fire once', () => {
    const fired = (from: string, to: string) => endingIn('30 2 * * *', 'Europe/Berlin', from, to).length
    assert.equal(fired('2026-03-29T00:00:00Z', '2026-03-29T22:00:00Z'), 1)
    assert.equal(fired('2026-10-24T23:00:00Z', '2026-10-25T22:00:00Z'), 1)
  })
})

describe('days of a schedule', () => {
  it('tile without a gap: Sunday to Thursday at 03:00', () => {
    const spans = endingIn('0 3 * * 0-4', 'UTC', '2026-05-10T03:00:00Z', '2026-05-24T03:00:00Z')
    const days = spans
      .map((span) => describeInterval(span, 'UTC'))
      .map(({ date, lastDate }) => `${date}–${lastDate}`)
    assert.deepEqual(days.slice(0, 6), [
      '2026-05-10–2026-05-10',
      '2026-05-11–2026-05-11',
      '2026-05-12–2026-05-12',
      '2026-05-13–2026-05-13',
      '2026-05-14–2026-05-16',
      '2026-05-17–2026-05-17',
    ])
  })
})

describe('windows of budgets', () => {
  it('follow the calendar of their zone', () => {
    const now = at('2026-03-31T23:30:00Z')
    const window = (per: Parameters<typeof findBudgetWindow>[0], zone: string) => {
      const { start, end } = findBudgetWindow(per, zone, now)
      return [iso(start), iso(end)]
    }
    assert.deepEqual(window('month', 'UTC'), ['2026-03-01T00:00:00.000Z', '2026-04-01T00:00:00.000Z'])
    assert.deepEqual(window('month', 'Europe/Berlin'), [
      '2026-03-31T22:00:00.000Z',
      '2026-04-30T22:00:00.000Z',
    ])
    assert.deepEqual(window('week', 'UTC'), ['2026-03-30T00:00:00.000Z', '2026-04-06T00:00:00.000Z'])
    assert.deepEqual(window('hour', 'UTC'), ['2026-03-31T23:00:00.000Z', '2026-04-01T00:00:00.000Z'])
    assert.deepEqual(findBudgetWindow('day', 'Europe/Berlin', at('2026-03-29T12:00:00Z')), {
      start: at('2026-03-28T23:00:00Z'),
      end: at('2026-03-29T22:00:00Z'),
    })
  })
})

describe('texts', () => {
  it('name days, hours and minutes of a zone', () => {
    assert.deepEqual(parseTimeSpan('2026-03-29', 'Europe/Berlin'), {
      start: at('2026-03-28T23:00:00Z'),
      end: at('2026-03-29T22:00:00Z'),
    })
    assert.equal(parseTimeSpan('2026-05-17T10', 'UTC')?.end, at('2026-05-17T11:00:00Z'))
    assert.equal(parseTimeSpan('2026-05-17T10:15', 'UTC')?.start, at('2026-05-17T10:15:00Z'))
    for (const wrong of ['2026-02-30', '2026-5-1', 'yesterday', '2026-05-17T25', '2026-05-17 10:00'])
      assert.equal(parseTimeSpan(wrong, 'UTC'), undefined, wrong)
  })

  it('are looked at before they are used', () => {
    assert.equal(isKnownTimeZone('Europe/Berlin'), true)
    assert.equal(isKnownTimeZone('Mars/Olympus'), false)
    assert.equal(isKnownTimeZone(undefined as never), false)
    assert.equal(findCronProblem('0 3 * * 0-4'), undefined)
    assert.match(findCronProblem('61 * * * *') ?? '', /minute: 61/)
    assert.match(findCronProblem('0 0 30 2 *') ?? '', /never/)
    assert.match(findCronProblem('2027-01-01T00:00:00') ?? '', /1 field; there are five/)
    assert.match(findCronProblem('0 0 0 1 1 * 2027') ?? '', /7 fields; there are five/)
    assert.equal(formatDayInZone('Pacific/Auckland', at('2026-05-17T20:00:00Z'), -1), '2026-05-17')
  })
})
