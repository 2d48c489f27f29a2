/** Days of the week as EventBridge names them; cron's Sunday is 0 and 7. */
const DAYS = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT', 'SUN']

/**
 * A cron expression for EventBridge Scheduler (https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html):
 * it has years, names for days, and either days of the month or of the week. Where an expression restricts both, cron
 * means either, which takes two. Seconds are left out: whoever fires looks at intervals, and the minute's look finds the
 * rest.
 */
export function schedulerCrons(expression: string): string[] {
  const fields = expression.trim().split(/\s+/)
  const [minute, hour, dayOfMonth = '*', month, dayOfWeek = '*'] =
    fields.length === 6 ? fields.slice(1) : fields
  const cron = (day: string, week: string) => `cron(${minute} ${hour} ${day} ${month} ${week} *)`
  const named = dayOfWeek.replace(/\b[0-7]\b(?![/#])/g, (digit) => DAYS[Number(digit)] ?? digit).toUpperCase()
  const [anyDay, anyWeek] = [isAny(dayOfMonth), isAny(dayOfWeek)]
  if (anyWeek) return [cron(anyDay ? '*' : dayOfMonth, '?')]
  if (anyDay) return [cron('?', named)]
  return [cron(dayOfMonth, '?'), cron('?', named)]
}

const isAny = (field: string) => field === '*' || field === '?'
