import { Cron } from 'croner'
import { readErrorMessage } from './errors.ts'

/** Whether the IANA database knows the zone. */
export function isKnownTimeZone(name: string): boolean {
  // Nothing would be the zone of this machine.
  if (typeof name !== 'string') return false
  try {
    new Intl.DateTimeFormat('en', { timeZone: name })
    return true
  } catch {
    return false
  }
}

/**
 * What is wrong with a cron expression; undefined if nothing is. Croner would also take an instant, which fires once,
 * and a seventh field of years: neither has a next interval for ever.
 */
export function findCronProblem(expression: string): string | undefined {
  const fields = expression.trim().split(/\s+/).length
  if (fields !== 5 && fields !== 6)
    return `it has ${fields} field${fields === 1 ? '' : 's'}; there are five (minute, hour, day, month, day of the week), or six with seconds before them`
  try {
    return new Cron(expression, { paused: true }).nextRun() === null ? 'it never fires' : undefined
  } catch (error) {
    return readErrorMessage(error).replace(/^CronPattern: /, '')
  }
}
