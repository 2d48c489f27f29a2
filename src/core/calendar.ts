import { Cron } from 'croner'
import { Temporal } from 'temporal-polyfill'
import { SluiceError } from './errors.ts'
import type { BudgetPeriod } from './records/lock-and-limit.ts'

/** A stretch of time as instants; the end is not part of it. */
export interface Span {
  start: number
  end: number
}

const zoned = (at: number, timeZone: string) =>
  Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(timeZone)

/**
 * The calendar window of a budget in which the instant lies; weeks begin on Monday. Windows of a zone follow each other
 * without a gap or an overlap. A day begins when its date is first read. An hour ends when the clock reads the next one,
 * also because it was put there: if half an hour is skipped the window is as much shorter, and if half an hour is
 * repeated as much longer.
 */
export function findBudgetWindow(per: BudgetPeriod, timeZone: string, at: number): Span {
  const now = zoned(at, timeZone)
  if (per === 'minute' || per === 'hour')
    return { start: findUnitStart(per, now), end: findUnitEnd(per, now) }
  let start = findPeriodStart(per, now)
  let next = nextAfter(per, start)
  // A clock that was put back past midnight reads an earlier date once more: that is still the later day.
  while (next.epochMilliseconds <= at) {
    start = next
    next = nextAfter(per, start)
  }
  return { start: start.epochMilliseconds, end: next.epochMilliseconds }
}

const UNIT_MS = { minute: 60_000, hour: 60 * 60_000 }

/** What a clock of the zone reads, as an instant of UTC, down to the whole unit. */
function reading(
  per: 'minute' | 'hour',
  { epochMilliseconds, offsetNanoseconds }: Temporal.ZonedDateTime,
): number {
  const local = epochMilliseconds + Math.floor(offsetNanoseconds / 1e6)
  return Math.floor(local / UNIT_MS[per]) * UNIT_MS[per]
}

const intoUnit = (per: 'minute' | 'hour', at: Temporal.ZonedDateTime): number =>
  at.epochMilliseconds + Math.floor(at.offsetNanoseconds / 1e6) - reading(per, at)

/** The first instant of the unit: a whole one of its offset, or the change of the offset that led into it. */
function findUnitStart(per: 'minute' | 'hour', at: Temporal.ZonedDateTime): number {
  const whole = at.epochMilliseconds - intoUnit(per, at)
  const before = at.subtract({ milliseconds: intoUnit(per, at) })
  if (before.offsetNanoseconds === at.offsetNanoseconds) return whole
  const change = findOffsetChangeBefore(at)
  const last = zoned(change - 1, at.timeZoneId)
  return reading(per, last) === reading(per, at) ? findUnitStart(per, last) : change
}

/** The first instant after the unit, found in the same way. */
function findUnitEnd(per: 'minute' | 'hour', at: Temporal.ZonedDateTime): number {
  const whole = at.epochMilliseconds - intoUnit(per, at) + UNIT_MS[per]
  const isSameOffset = zoned(whole - 1, at.timeZoneId).offsetNanoseconds === at.offsetNanoseconds
  const end = isSameOffset ? whole : (at.getTimeZoneTransition('next')?.epochMilliseconds ?? whole)
  const first = zoned(end, at.timeZoneId)
  // Half an hour that comes twice belongs to its hour; an hour that comes twice is two.
  return reading(per, first) === reading(per, at) && intoUnit(per, first) > 0 ? findUnitEnd(per, first) : end
}

/** When the offset last changed, this instant included. */
function findOffsetChangeBefore(at: Temporal.ZonedDateTime): number {
  const change = at.add({ nanoseconds: 1 }).getTimeZoneTransition('previous')
  return change?.epochMilliseconds ?? at.epochMilliseconds
}

/** By the date alone: the hour that it is now may have been skipped on the first day, and then leads to the day after it. */
function findPeriodStart(
  per: Exclude<BudgetPeriod, 'minute' | 'hour'>,
  now: Temporal.ZonedDateTime,
): Temporal.ZonedDateTime {
  return findFirstDate(per, now.toPlainDate()).toZonedDateTime(now.timeZoneId)
}

function findFirstDate(
  per: Exclude<BudgetPeriod, 'minute' | 'hour'>,
  today: Temporal.PlainDate,
): Temporal.PlainDate {
  switch (per) {
    case 'day':
      return today
    case 'week':
      return today.subtract({ days: today.dayOfWeek - 1 })
    case 'month':
      return today.with({ day: 1 })
    case 'year':
      return today.with({ month: 1, day: 1 })
  }
}

const nextAfter = (per: BudgetPeriod, start: Temporal.ZonedDateTime) =>
  start.add({ [`${per}s`]: 1 }).startOfDay()

/** When a schedule fires: a cron expression in a zone. */
export interface Firing {
  cron: string
  timeZone: string
}

/** Intervals between firings; those that daylight saving moves stay without a gap or an overlap. */
export interface Intervals {
  /** The interval that begins at the first firing at or after the instant. */
  from(at: number): Span
  /** The interval that ends at the last firing at or before the instant. */
  endedBefore(at: number): Span
  /** The interval after this one. */
  after(span: Span): Span
}

/** Parsed expressions; a project has few. */
const parsed = new Map<string, Intervals>()

/** The intervals of a schedule: each from one firing to the next. */
export function makeScheduleIntervals(firing: Firing): Intervals {
  const key = `${firing.cron}\n${firing.timeZone}`
  const intervals = parsed.get(key) ?? makeIntervals(firing)
  parsed.set(key, intervals)
  return intervals
}

function makeIntervals({ cron, timeZone }: Firing): Intervals {
  const firings = new Cron(cron, { timezone: timeZone, paused: true })
  let last: { at: number; span: Span } | undefined
  const next = (at: number) => readFiringInstant(firings.nextRun(new Date(at)), cron)
  const previous = (at: number) => readFiringInstant(firings.previousRuns(1, new Date(at))[0] ?? null, cron)
  return {
    from(at) {
      const start = next(at - 1)
      return { start, end: next(start) }
    },
    endedBefore(at) {
      // Schedules ask again and again from where they are; looking back is slow.
      if (last?.at === at) return last.span
      const end = previous(at + 1)
      last = { at, span: { start: previous(end), end } }
      return last.span
    },
    after: ({ end }) => ({ start: end, end: next(end) }),
  }
}

function readFiringInstant(date: Date | null, cron: string): number {
  if (date !== null) return date.getTime()
  throw new SluiceError('invalid_definition', `The cron expression ${cron} has no further firing.`)
}

/** An interval as pipelines see it, to make their parameters from. */
export interface Interval {
  /** Begin and end as ISO 8601 with the zone's offset; the end is not part of it. */
  start: string
  end: string
  /** The day on which it begins, in the zone: `2026-05-17`. */
  date: string
  /** The last day before the one on which it ends, but not before `date`: days of a schedule tile without a gap. */
  lastDate: string
  /** The hour and quarter in which it begins, always in UTC, so that no name is given twice: `2026-05-17T10`, `…T10:15`. */
  hour: string
  quarter: string
}

/** Names an interval in its zone. */
export function describeInterval({ start, end }: Span, timeZone: string): Interval {
  const [first, last] = [zoned(start, timeZone), zoned(end, timeZone)]
  const date = first.toPlainDate().toString()
  const before = last.toPlainDate().subtract({ days: 1 }).toString()
  const utc = new Date(start).toISOString()
  const iso = (at: Temporal.ZonedDateTime) =>
    at.toString({ timeZoneName: 'never', smallestUnit: 'second' }).replace('+00:00', 'Z')
  return {
    start: iso(first),
    end: iso(last),
    date,
    lastDate: before < date ? date : before,
    hour: utc.slice(0, 13),
    quarter: utc.slice(0, 16),
  }
}

/** Today in a zone, as `2026-05-17`, shifted by days. */
export function formatDayInZone(timeZone: string, at: number, shiftDays: number): string {
  return zoned(at, timeZone).toPlainDate().add({ days: shiftDays }).toString()
}

const MOMENT = /^(\d{4}-\d{2}-\d{2})(?:T(\d{2})(?::(\d{2}))?)?$/

/**
 * The stretch that a text such as `2026-05-17`, `2026-05-17T10` or `2026-05-17T10:15` names, in a zone; undefined
 * if it names none.
 */
export function parseTimeSpan(text: string, timeZone: string): Span | undefined {
  const [, day, hour, minute] = MOMENT.exec(text) ?? []
  if (day === undefined) return undefined
  try {
    const date = Temporal.PlainDate.from(day, { overflow: 'reject' })
    if (hour === undefined) {
      const start = date.toZonedDateTime(timeZone)
      return spanBetween(start, start.add({ days: 1 }).startOfDay())
    }
    const time = Temporal.PlainTime.from(`${hour}:${minute ?? '00'}`)
    const start = date.toZonedDateTime({ timeZone, plainTime: time })
    return spanBetween(start, start.add(minute === undefined ? { hours: 1 } : { minutes: 1 }))
  } catch {
    return undefined
  }
}

const spanBetween = (start: Temporal.ZonedDateTime, end: Temporal.ZonedDateTime): Span => ({
  start: start.epochMilliseconds,
  end: end.epochMilliseconds,
})
