import type { IntervalPage } from '../../src/control/control.ts'
import { type ApiProblem, askApi, makePath } from '../api.ts'
import type { Parameter, Pipeline } from './start-model.ts'

/** More intervals are refused: the page would have to stay open for too long. */
const MOST_INTERVALS = 10_000
const MOST_AT_ONCE = 100

/** What is asked for, as a person types it. */
export interface Asked {
  from: string
  to: string
  /** How many runs are open at once. */
  runs: string
}

/** What is wrong with fields, by their names. */
type Wrong = { readonly [field in keyof Asked]?: string }

/** What an address asks for. */
export const readBackfill = (search: URLSearchParams): Asked => ({
  from: search.get('from') ?? '',
  to: search.get('to') ?? '',
  runs: search.get('runs') ?? '8',
})

/** What can be seen to be wrong without asking. */
export function findWrong({ from, to, runs }: Asked): Wrong {
  const atOnce = Number(runs)
  const isRight = runs.trim() !== '' && Number.isInteger(atOnce) && atOnce >= 1 && atOnce <= MOST_AT_ONCE
  return {
    ...(from.trim() === '' && { from: 'is required' }),
    ...(to.trim() === '' && { to: 'is required' }),
    ...(!isRight && { runs: `takes a whole number from 1 to ${MOST_AT_ONCE}` }),
  }
}

/** What the API says of the fields. A parameter of the pipeline may be called like one, and is none of them. */
export const readWrong = (problem: ApiProblem | undefined): Wrong =>
  problem?.code === 'invalid_usage' ? problem.params : {}

/** The fields of the form: a calendar where intervals are days or longer, else a text. */
export function listFields({ cron, timeZone }: NonNullable<Pipeline['schedule']>): {
  field: keyof Asked
  label: string
  param: Parameter
}[] {
  const [minute = '', hour = ''] = cron.trim().split(/\s+/).slice(-5)
  const kind = /^\d+$/.test(minute) && /^\d+$/.test(hour) ? 'day' : 'time'
  const forms = kind === 'day' ? '' : ': a day 2026-05-17, an hour 2026-05-17T10 or a minute 2026-05-17T10:15'
  return [
    makeField('from', 'From', kind, {
      description: `The first interval begins here${forms}, in ${timeZone}`,
    }),
    makeField('to', 'To', kind, { description: 'The last interval; a day or hour is included as a whole' }),
    makeField('runs', 'Runs at once', 'number', {
      description: 'The next run is started when one of these has ended',
      type: 'integer',
      minimum: 1,
      maximum: MOST_AT_ONCE,
    }),
  ]
}

const makeField = (field: keyof Asked, label: string, kind: string, schema: Parameter['schema']) => ({
  field,
  label,
  param: { name: field, flag: '', kind, required: true, significant: true, schema },
})

/** What a span has. */
export interface Preview {
  all: number
  /** How many intervals have been looked at. */
  looked: number
  complete: number
  open: number
  toStart: number
  first: string
  last: string
}

/** A page of the intervals of a span. */
export const askIntervals = (
  pipeline: string,
  { from, to }: Pick<Asked, 'from' | 'to'>,
  page: { cursor: string | undefined; limit: number; signal?: AbortSignal },
): Promise<IntervalPage> => {
  const { signal, ...place } = page
  return askApi<IntervalPage>(`${makePath('pipelines', pipeline)}/intervals`, {
    query: { from, to, atMost: MOST_INTERVALS, ...place },
    ...(signal && { signal }),
  })
}

const PREVIEW_PAGE = 1_000

/** Counts the intervals of a span, page by page; tells after each page how far it has come. */
export async function countIntervals(
  pipeline: string,
  asked: Asked,
  signal: AbortSignal,
  tell: (preview: Preview) => void,
): Promise<Preview> {
  let cursor: string | undefined
  let sum: Preview = { all: 0, looked: 0, complete: 0, open: 0, toStart: 0, first: '', last: '' }
  for (;;) {
    const { all, intervals, next } = await askIntervals(pipeline, asked, {
      cursor,
      limit: PREVIEW_PAGE,
      signal,
    })
    const complete = intervals.filter(({ isComplete }) => isComplete).length
    const open = intervals.filter(({ isComplete, openRun }) => !isComplete && openRun !== null).length
    sum = {
      all: all ?? sum.all,
      looked: sum.looked + intervals.length,
      complete: sum.complete + complete,
      open: sum.open + open,
      toStart: sum.toStart + intervals.length - complete - open,
      first: sum.first || (intervals[0]?.name ?? ''),
      last: intervals.at(-1)?.name ?? sum.last,
    }
    if (next === null) return sum
    tell(sum)
    cursor = next
  }
}
