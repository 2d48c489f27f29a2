import { Cron } from 'croner'
import { Temporal } from 'temporal-polyfill'
import { SluiceError } from './errors.ts'
import type { BudgetPeriod } from './model.ts'

/** A stretch of time as instants; the end is not part of it. */
export interface Span {
  start: number
  end: number
}

const zoned = (at: number, timeZone: string) =>
  Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(timeZone)

/** The calendar window of a budget in which the instant lies; weeks begin on Monday. */
export function windowAt(per: BudgetPeriod, timeZone: string, at: number): Span {
  const now = zoned(at, timeZone)
  const start = startOf(per, now)
  return { start: start.epochMilliseconds, end: nextAfter(per, start).epochMilliseconds }
}

function startOf(per: BudgetPeriod, now: Temporal.ZonedDateTime): Temporal.ZonedDateTime {
  switch (per) {
    case 'minute':
    case 'hour':
      return now.round({ smallestUnit: per, roundingMode: 'floor' })
    case 'day':
      return now.startOfDay()
    case 'week':
      return now.subtract({ days: now.dayOfWeek - 1 }).startOfDay()
    case 'month':
      return now.with({ day: 1 }).startOfDay()
    case 'year':
      return now.with({ month: 1, day: 1 }).startOfDay()
  }
}

function nextAfter(per: BudgetPeriod, start: Temporal.ZonedDateTime): Temporal.ZonedDateTime {
  const next = start.add({ [`${per}s`]: 1 })
  return per === 'minute' || per === 'hour' ? next : next.startOfDay()
}

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
export function intervalsOf(firing: Firing): Intervals {
  const key = `${firing.cron}\n${firing.timeZone}`
  const intervals = parsed.get(key) ?? makeIntervals(firing)
  parsed.set(key, intervals)
  return intervals
}

function makeIntervals({ cron, timeZone }: Firing): Intervals {
  const firings = new Cron(cron, { timezone: timeZone, paused: true })
  let last: { at: number; span: Span } | undefined
  const next = (at: number) => instantOf(firings.nextRun(new Date(at)), cron)
  const previous = (at: number) => instantOf(firings.previousRuns(1, new Date(at))[0] ?? null, cron)
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

function instantOf(date: Date | null, cron: string): number {
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
export function dayIn(timeZone: string, at: number, shiftDays: number): string {
  return zoned(at, timeZone).toPlainDate().add({ days: shiftDays }).toString()
}

const MOMENT = /^(\d{4}-\d{2}-\d{2})(?:T(\d{2})(?::(\d{2}))?)?$/

/**
 * The stretch that a text such as `2026-05-17`, `2026-05-17T10` or `2026-05-17T10:15` names, in a zone; undefined
 * where it names none.
 */
export function spanOf(text: string, timeZone: string): Span | undefined {
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
