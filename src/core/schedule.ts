import { makeScheduleIntervals, type Span } from './calendar.ts'
import type { OpenInterval, ScheduleRecord } from './records/run.ts'
import type { RunStatus } from './records/status.ts'

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
/** An interval that ended so long ago was missed: no engine looked at its time. */
const MISSED_MS = 60_000
/** The record stays small: later intervals are looked for when earlier ones were started for the first time. */
const MAX_FRESH = 200
/** Failed ones beyond this number are forgotten, the oldest first. */
const MAX_FAILED = 1_000

/** The record after the intervals that have ended since its cursor were added, oldest first. */
export function addEndedIntervals(record: ScheduleRecord, rule: ScheduleRule, now: number): ScheduleRecord {
  if (record.paused) return record
  const oldest = now - rule.lookBackDays * DAY_MS
  const fresh = record.open.filter(({ failures }) => failures === 0)
  // What has failed does not hold up what is new.
  const failed = record.open.filter(
    ({ failures, end, run }) => failures > 0 && (run !== undefined || end > oldest),
  )
  const missing = listMissingIntervals(record.cursor, rule, now, MAX_FRESH - fresh.length)
  const added = missing.map(({ start, end }) => ({ start, end, failures: 0 }))
  const open = [...failed.slice(-MAX_FAILED), ...fresh, ...added].sort((a, b) => a.end - b.end)
  return { ...record, cursor: missing.at(-1)?.end ?? record.cursor, open }
}

/** Intervals that have ended and are to be caught up with, oldest first, as many as there is room for. */
function listMissingIntervals(cursor: number, rule: ScheduleRule, now: number, room: number): Span[] {
  const intervals = makeScheduleIntervals(rule)
  const missing: Span[] = []
  let span = intervals.after(intervals.endedBefore(Math.max(cursor, earliest(rule, now))))
  for (; span.end <= now && missing.length < room; span = intervals.after(span)) missing.push(span)
  return missing
}

/** No interval that ended at or before this instant is caught up with. */
function earliest(rule: ScheduleRule, now: number): number {
  const oldest = now - rule.lookBackDays * DAY_MS
  switch (rule.catchUp) {
    case 'all':
      return oldest
    case 'latest':
      return Math.max(oldest, makeScheduleIntervals(rule).endedBefore(now).start)
    case 'none':
      return Math.max(oldest, now - MISSED_MS)
  }
}

/** An interval after a failure: tried again later, or given up. */
export function recordIntervalFailure(
  { run, retryAt: _, ...rest }: OpenInterval,
  steady: number,
): OpenInterval {
  const delay = RETRY_MS[rest.failures]
  return {
    ...rest,
    failures: rest.failures + 1,
    ...(run === undefined ? {} : { lastRun: run }),
    ...(delay === undefined ? {} : { retryAt: steady + delay }),
  }
}

/** The record after looking at the runs of its open intervals; `steady` is the clock of delays. */
export function recordRunEnds(
  record: ScheduleRecord,
  ended: ReadonlyMap<string, RunStatus>,
  steady: number,
): ScheduleRecord {
  const open = record.open.flatMap((each): OpenInterval[] => {
    const status = each.run === undefined ? undefined : ended.get(each.run)
    if (status === undefined) return [each]
    if (status !== 'failed') return []
    return [recordIntervalFailure(each, steady)]
  })
  return { ...record, open }
}

/** The intervals to start now, oldest first, as far as they may run at once; `steady` is the clock of delays. */
export function selectIntervalsToStart(
  record: ScheduleRecord,
  { maxActiveRuns }: ScheduleRule,
  steady: number,
): OpenInterval[] {
  if (record.paused) return []
  const active = record.open.filter((each) => each.run !== undefined).length
  return record.open
    .filter(
      (each) =>
        each.run === undefined &&
        (each.failures === 0 || (each.retryAt ?? Number.POSITIVE_INFINITY) <= steady),
    )
    .slice(0, Math.max(0, maxActiveRuns - active))
}

/** Intervals of a schedule that begin in a stretch of time. */
export function* generateIntervals(
  rule: Pick<ScheduleRule, 'cron' | 'timeZone'>,
  range: Span,
): Generator<Span> {
  const intervals = makeScheduleIntervals(rule)
  for (let span = intervals.from(range.start); span.start < range.end; span = intervals.after(span))
    yield span
}
