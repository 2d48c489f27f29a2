import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Temporal } from 'temporal-polyfill'
import { findBudgetWindow } from '../../src/core/calendar.ts'
import type { BudgetPeriod } from '../../src/core/records/lock-and-limit.ts'
import fc from '../support/fast-check.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS
const PERIODS: BudgetPeriod[] = ['minute', 'hour', 'day', 'week', 'month', 'year']
/** Half-hour and odd shifts, changes at and past midnight, days that were skipped or came twice, no shifts at all. */
const ODD = [
  'Australia/Lord_Howe',
  'Pacific/Chatham',
  'America/St_Johns',
  'Pacific/Apia',
  'Pacific/Kwajalein',
  'America/Sao_Paulo',
  'Asia/Beirut',
  'Africa/Casablanca',
  'Antarctica/Troll',
  'Asia/Kathmandu',
  'Europe/Berlin',
  'America/Havana',
  'UTC',
]
const ZONES = [...ODD, ...Intl.supportedValuesOf('timeZone')]

const zoned = (at: number, zone: string) =>
  Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(zone)
const iso = (at: number, zone: string) =>
  zoned(at, zone).toString({ timeZoneName: 'never', smallestUnit: 'second' })
const window = (per: BudgetPeriod, zone: string, at: string) => {
  const { start, end } = findBudgetWindow(per, zone, Date.parse(at))
  return [iso(start, zone), iso(end, zone)]
}

/** The change of a zone's offset that follows an instant, or the instant. */
const changeAfter = (at: number, zone: string) =>
  zoned(at, zone).getTimeZoneTransition('next')?.epochMilliseconds ?? at

/** Instants near changes of offsets, where windows go wrong, and any others. */
const moments = fc
  .record({
    zone: fc.oneof(fc.constantFrom(...ODD), fc.constantFrom(...ZONES)),
    at: fc.integer({ min: Date.UTC(1971, 0), max: Date.UTC(2037, 0) }),
    by: fc.integer({ min: -2 * DAY_MS, max: 2 * DAY_MS }),
    isNear: fc.boolean(),
  })
  .map(({ zone, at, by, isNear }) => ({
    zone,
    at: isNear ? changeAfter(at, zone) + Math.trunc(by / (by % 2 ? 10 : 40)) : at,
  }))

describe('windows of budgets, in every zone', () => {
  it('hold their instant, and tile', () => {
    fc.assert(
      fc.property(moments, fc.constantFrom(...PERIODS), ({ zone, at }, per) => {
        const { start, end } = findBudgetWindow(per, zone, at)
        assert.ok(
          start <= at && at < end,
          `${per} ${zone} ${iso(at, zone)}: ${iso(start, zone)} to ${iso(end, zone)}`,
        )
        assert.deepEqual(findBudgetWindow(per, zone, start), { start, end })
        assert.deepEqual(findBudgetWindow(per, zone, end - 1), { start, end })
        assert.equal(findBudgetWindow(per, zone, end).start, end)
        assert.equal(findBudgetWindow(per, zone, start - 1).end, start)
      }),
      { numRuns: 3_000 },
    )
  })

  it('of hours have one hour on the clock of the zone, and end where it reads another or the same begins anew', () => {
    fc.assert(
      fc.property(moments, ({ zone, at }) => {
        const { start, end } = findBudgetWindow('hour', zone, at)
        const hourOf = (ms: number) =>
          zoned(ms, zone).toPlainDateTime().round({ smallestUnit: 'hour', roundingMode: 'floor' })
        for (let ms = start; ms < end; ms += 5 * MINUTE_MS) assert.ok(hourOf(ms).equals(hourOf(start)))
        const isOther = !hourOf(end).equals(hourOf(end - 1))
        assert.ok(isOther || zoned(end, zone).minute === 0, `${zone} ${iso(end, zone)}`)
        assert.ok(end - start < 2 * HOUR_MS)
      }),
      { numRuns: 1_000 },
    )
  })

  it('of days, weeks, months and years begin when their date is first read', () => {
    fc.assert(
      fc.property(moments, fc.constantFrom('day', 'week', 'month', 'year'), ({ zone, at }, per) => {
        const { start } = findBudgetWindow(per, zone, at)
        assert.equal(zoned(start, zone).startOfDay().epochMilliseconds, start)
      }),
      { numRuns: 1_000 },
    )
  })

  it('of weeks, months and years begin on their first day, also if the hour that it is now was skipped on that day', () => {
    // 23:00 was 00:00 of 22 March.
    const zone = 'Asia/Tehran'
    const week = ['1977-03-21T00:00:00+03:30', '1977-03-28T00:00:00+04:30']
    for (const at of ['1977-03-21T22:00:00+03:30', '1977-03-22T00:00:00+04:30', '1977-03-27T23:30:00+04:30'])
      assert.deepEqual(window('week', zone, at), week)
  })

  it('of Lord Howe, which shifts by half an hour', () => {
    const zone = 'Australia/Lord_Howe'
    // 02:00 is 02:30 on 4 October, and 01:30 on 5 April.
    assert.deepEqual(window('hour', zone, '2026-10-04T01:45:00+10:30'), [
      '2026-10-04T01:00:00+10:30',
      '2026-10-04T02:30:00+11:00',
    ])
    assert.deepEqual(window('hour', zone, '2026-10-04T02:45:00+11:00'), [
      '2026-10-04T02:30:00+11:00',
      '2026-10-04T03:00:00+11:00',
    ])
    const long = ['2026-04-05T01:00:00+11:00', '2026-04-05T02:00:00+10:30']
    assert.deepEqual(window('hour', zone, '2026-04-05T01:45:00+11:00'), long)
    assert.deepEqual(window('hour', zone, '2026-04-05T01:45:00+10:30'), long)
    assert.deepEqual(window('day', zone, '2026-04-05T12:00:00+10:30'), [
      '2026-04-05T00:00:00+11:00',
      '2026-04-06T00:00:00+10:30',
    ])
  })

  it('of Chatham, whose offsets have three quarters of an hour', () => {
    const zone = 'Pacific/Chatham'
    assert.deepEqual(window('hour', zone, '2026-05-17T10:10:00+12:45'), [
      '2026-05-17T10:00:00+12:45',
      '2026-05-17T11:00:00+12:45',
    ])
    // 03:45 is 02:45 on 5 April, and 02:45 is 03:45 on 27 September.
    assert.deepEqual(window('hour', zone, '2026-04-05T03:30:00+13:45'), [
      '2026-04-05T03:00:00+13:45',
      '2026-04-05T02:45:00+12:45',
    ])
    assert.deepEqual(window('hour', zone, '2026-04-05T02:50:00+12:45'), [
      '2026-04-05T02:45:00+12:45',
      '2026-04-05T03:00:00+12:45',
    ])
    assert.deepEqual(window('hour', zone, '2026-09-27T02:30:00+12:45'), [
      '2026-09-27T02:00:00+12:45',
      '2026-09-27T03:45:00+13:45',
    ])
  })

  it('of Berlin have both hours that read 2', () => {
    const zone = 'Europe/Berlin'
    assert.deepEqual(window('hour', zone, '2026-10-25T02:30:00+02:00'), [
      '2026-10-25T02:00:00+02:00',
      '2026-10-25T02:00:00+01:00',
    ])
    assert.deepEqual(window('hour', zone, '2026-10-25T02:30:00+01:00'), [
      '2026-10-25T02:00:00+01:00',
      '2026-10-25T03:00:00+01:00',
    ])
  })
})
