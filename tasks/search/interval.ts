import { z } from 'zod'

/** The lengths of intervals, by the folder of their results. */
export type Length = 'quarter' | 'hour' | 'day'

const MINUTE_MS = 60_000
const LENGTH_MS = { quarter: 15 * MINUTE_MS, hour: 60 * MINUTE_MS, day: 24 * 60 * MINUTE_MS }
const DIGITS = { quarter: 16, hour: 13, day: 10 }
const EXAMPLES = { quarter: '2015-05-17T10:15', hour: '2015-05-17T10', day: '2015-05-17' }

/** A parameter that names an interval of a length in UTC; one that has not ended yet is refused. */
export function makeIntervalField(length: Length): z.ZodString {
  return z
    .string()
    .refine((name) => nameInterval(parseIntervalStart(name), length) === name, {
      error: (issue) =>
        `${JSON.stringify(issue.input)} is no ${length}; write it like ${EXAMPLES[length]} (UTC)`,
      abort: true,
    })
    .refine((name) => parseIntervalStart(name) + LENGTH_MS[length] <= Date.now(), {
      error: (issue) => `the ${length} ${issue.input} has not ended yet`,
    })
}

/** The name of the interval in which an instant lies; empty for no instant. */
export function nameInterval(at: number, length: Length): string {
  if (Number.isNaN(at)) return ''
  return new Date(at - (at % LENGTH_MS[length])).toISOString().slice(0, DIGITS[length])
}

function parseIntervalStart(name: string): number {
  const rest = '0000-01-01T00:00:00.000Z'.slice(name.length)
  return /^\d{4}-\d{2}-\d{2}(T\d{2}(:\d{2})?)?$/.test(name) ? Date.parse(`${name}${rest}`) : Number.NaN
}

/** The next shorter intervals that an interval is made of, in order. */
export function listShorterIntervals(name: string, length: 'hour' | 'day'): string[] {
  const shorter = length === 'day' ? 'hour' : 'quarter'
  const start = parseIntervalStart(name)
  const count = LENGTH_MS[length] / LENGTH_MS[shorter]
  return Array.from({ length: count }, (_, index) =>
    nameInterval(start + index * LENGTH_MS[shorter], shorter),
  )
}

/** Where the results of an interval are, without an ending; file names have no colon. */
export const makeResultPath = (length: Length, name: string): string =>
  `search/${length}/${name.replace(':', '-')}`
