import { intervalsOf, type Span } from './calendar.ts'
import type { OpenInterval, RunStatus, ScheduleRecord } from './model.ts'

/** What a pipeline's schedule says. */
export interface ScheduleRule {
  cron: string
  timeZone: string
  lookBackDays: number
  catchUp: 'all' | 'latest' | 'none'
  maxActiveRuns: number
}

const DAY_MS = 24 * 60 * 60_000
const HOUR_MS = 60 * 60_000
/** A failed interval is opened again after these times, then it is given up. */
const RETRY_MS = [HOUR_MS, 6 * HOUR_MS, 24 * HOUR_MS]
/** An interval that ended so long ago was missed: nobody looked at its time. */
const MISSED_MS = 60_000
/** The record stays small; later intervals are looked for when earlier ones are done. */
const MAX_OPEN = 200

/** The record after the intervals that have ended since its cursor were added, oldest first. */
export function withMissing(record: ScheduleRecord, rule: ScheduleRule, now: number): ScheduleRecord {
  if (record.paused || record.open.length >= MAX_OPEN) return record
  const intervals = intervalsOf(rule)
  const oldest = now - rule.lookBackDays * DAY_MS
  const missing: Span[] = []
  let cursor = record.cursor
  let span = intervals.after(intervals.endedBefore(Math.max(cursor, oldest)))
  while (span.end <= now && record.open.length + missing.length < MAX_OPEN) {
    missing.push(span)
    cursor = span.end
    span = intervals.after(span)
  }
  const added = wanted(missing, rule, now).map(({ start, end }) => ({ start, end, failures: 0 }))
  const open = [...record.open.filter((each) => each.end > oldest || isAlive(each)), ...added]
  return { ...record, cursor, open }
}

function wanted(missing: Span[], { catchUp }: ScheduleRule, now: number): Span[] {
  switch (catchUp) {
    case 'all':
      return missing
    case 'latest':
      return missing.slice(-1)
    case 'none':
      return missing.filter(({ end }) => now - end < MISSED_MS)
  }
}

/** Whether an interval still comes to its end by itself. */
const isAlive = (each: OpenInterval) =>
  each.run !== undefined || each.failures === 0 || each.retryAt !== undefined

/** The record after looking at the runs of its open intervals. */
export function withEnds(
  record: ScheduleRecord,
  ended: ReadonlyMap<string, RunStatus>,
  now: number,
): ScheduleRecord {
  const open = record.open.flatMap((each): OpenInterval[] => {
    const status = each.run === undefined ? undefined : ended.get(each.run)
    if (status === undefined) return [each]
    if (status !== 'failed') return []
    const { run: _, retryAt: __, ...rest } = each
    const delay = RETRY_MS[each.failures]
    return [
      { ...rest, failures: each.failures + 1, ...(delay === undefined ? {} : { retryAt: now + delay }) },
    ]
  })
  return { ...record, open }
}

/** The intervals to start now, oldest first, as far as they may run at once. */
export function toStart(
  record: ScheduleRecord,
  { maxActiveRuns }: ScheduleRule,
  now: number,
): OpenInterval[] {
  if (record.paused) return []
  const active = record.open.filter((each) => each.run !== undefined).length
  return record.open
    .filter(
      (each) =>
        each.run === undefined && (each.failures === 0 || (each.retryAt ?? Number.POSITIVE_INFINITY) <= now),
    )
    .slice(0, Math.max(0, maxActiveRuns - active))
}

/** Intervals of a schedule that begin in a stretch of time. */
export function* intervalsIn(rule: Pick<ScheduleRule, 'cron' | 'timeZone'>, range: Span): Generator<Span> {
  const intervals = intervalsOf(rule)
  for (let span = intervals.from(range.start); span.start < range.end; span = intervals.after(span))
    yield span
}
