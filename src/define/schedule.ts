import { findCronProblem, isKnownTimeZone } from '../core/cron.ts'

/** When a pipeline runs by itself, and what becomes of intervals that were missed. */
export interface Schedule {
  readonly cron: string
  readonly timeZone: string
  readonly lookBackDays: number
  readonly catchUp: 'all' | 'latest' | 'none'
  readonly maxActiveRuns: number
}

/** How a schedule is made. */
export interface ScheduleOptions {
  /** An IANA time zone such as `Europe/London`. @default 'UTC' */
  timeZone?: string
  /** How far back missed intervals are looked for, never before the schedule was first resumed. @default 7 */
  lookBackDays?: number
  /** Which missed intervals are run: all, oldest first; only the latest; or none. @default 'all' */
  catchUp?: 'all' | 'latest' | 'none'
  /** How many intervals may run at once. @default 1 */
  maxActiveRuns?: number
}

/** At midnight, for the day that has just ended. */
export const daily = (options: ScheduleOptions = {}): Schedule => cron('0 0 * * *', options)
/** At each full hour, for the hour that has just ended. */
export const hourly = (options: ScheduleOptions = {}): Schedule => cron('0 * * * *', options)
/** At each quarter of an hour, for the 15 minutes that have just ended. */
export const quarterHourly = (options: ScheduleOptions = {}): Schedule => cron('*/15 * * * *', options)

const NICKNAMES: { [name: string]: string } = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
}

/**
 * By a cron expression (five fields, or six with seconds; or `@daily` and its like); each interval is from the previous
 * firing to this one.
 */
export function cron(expression: string, options: ScheduleOptions = {}): Schedule {
  const fields = NICKNAMES[String(expression).trim().toLowerCase()] ?? expression
  return { cron: fields, timeZone: 'UTC', lookBackDays: 7, catchUp: 'all', maxActiveRuns: 1, ...options }
}

/** Everything that is wrong with a schedule, a sentence each. */
export function findScheduleProblems(schedule: Schedule): string[] {
  const { cron: expression, timeZone, lookBackDays, catchUp, maxActiveRuns, ...rest } = schedule
  const problems = Object.keys(rest).map((name) => `a schedule has no option ${name}`)
  const problem = findCronProblem(String(expression))
  if (problem !== undefined)
    problems.push(`the cron expression ${JSON.stringify(expression)} does not parse: ${problem}`)
  if (!isKnownTimeZone(timeZone))
    problems.push(`there is no time zone ${JSON.stringify(timeZone)}; write one such as Europe/London`)
  if (!(lookBackDays > 0 && lookBackDays <= 366)) problems.push('lookBackDays must be above 0, at most 366')
  if (!['all', 'latest', 'none'].includes(catchUp)) problems.push("catchUp must be 'all', 'latest' or 'none'")
  if (!(Number.isInteger(maxActiveRuns) && maxActiveRuns >= 1))
    problems.push('maxActiveRuns must be a whole number of 1 or more')
  return problems
}
