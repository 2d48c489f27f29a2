import { Cron } from 'croner'

/** Whether the IANA database knows the zone. */
export function isTimeZone(name: string): boolean {
  // Nothing would be the zone of this machine.
  if (typeof name !== 'string') return false
  try {
    new Intl.DateTimeFormat('en', { timeZone: name })
    return true
  } catch {
    return false
  }
}

/** What is wrong with a cron expression; undefined where nothing is. */
export function cronProblem(expression: string): string | undefined {
  try {
    return new Cron(expression, { paused: true }).nextRun() === null ? 'it never fires' : undefined
  } catch (error) {
    return (error as Error).message.replace(/^CronPattern: /, '')
  }
}
