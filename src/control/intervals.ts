import { z } from 'zod'
import { describeInterval, parseTimeSpan, type Span } from '../core/calendar.ts'
import { SluiceError } from '../core/errors.ts'
import { generateIntervals } from '../core/schedule.ts'
import type { Schedule } from '../define/schedule.ts'
import type { TaskDefinition, TaskInstance } from '../define/task.ts'
import { findOpenRuns } from '../engine/open-run.ts'
import { makePlanningDefinitions } from '../planning/planning.ts'
import type { Project } from '../project/load-config.ts'
import type { IntervalPage } from './control.ts'
import type { Home } from './home.ts'
import { parseCursor } from './parts.ts'
import { findScheduledPipeline, makeIntervalRequest } from './requests.ts'
import type { IntervalQuery } from './schemas.ts'

const MOST = 1_000_000

/** Intervals of a schedule that begin in a range, oldest first: whether what each would make is complete, and its open run. */
export async function readIntervalPage(
  home: Home,
  project: Project,
  query: z.output<typeof IntervalQuery>,
): Promise<IntervalPage> {
  const pipeline = findScheduledPipeline(project, query.pipeline)
  const schedule = pipeline.schedule
  const { cursor, limit, params } = query
  const { all, spans } =
    cursor === undefined
      ? listFirstPage(schedule, query)
      : { all: null, spans: listLaterPage(schedule, query, cursor) }
  // One more tells whether there is another page.
  const page = spans.slice(0, limit)
  const asked = page.map((span) => makeIntervalRequest(pipeline, span, params))
  const roots = asked.flatMap(({ root }) => root ?? [])
  const [answers, open] = await Promise.all([
    areRootsComplete(home, pipeline.root, roots),
    findOpenRuns(
      home.context,
      asked.map(({ request }) => request),
    ),
  ])
  return {
    all,
    intervals: page.map((span, index) => {
      const { start, end } = describeInterval(span, schedule.timeZone)
      const isComplete = answers[index] === true
      return { ...span, name: `${start} – ${end}`, isComplete, openRun: open[index]?.id ?? null }
    }),
    next: spans.length > limit ? String(page.at(-1)?.start) : null,
  }
}

/** Whether what each root of one pipeline would make is there. */
async function areRootsComplete(
  home: Home,
  { luigi }: TaskDefinition,
  roots: TaskInstance[],
): Promise<boolean[]> {
  if (luigi === undefined) return makePlanningDefinitions(home.surroundings).areComplete(roots)
  const { areLuigiRootsComplete } = await import('../planning/luigi/complete-roots.ts')
  return areLuigiRootsComplete(roots, home.definitions.startInImage)
}

type Query = z.output<typeof IntervalQuery>

function listFirstPage(schedule: Schedule, query: Query): { all: number; spans: Span[] } {
  const spans = listSpans(schedule, query)
  return { all: spans.length, spans: spans.slice(0, query.limit + 1) }
}

function listLaterPage(schedule: Schedule, { to, limit }: Query, cursor: string): Span[] {
  const range = { start: parseCursor(z.number(), cursor) + 1, end: parseBound('to', to, schedule).end }
  const spans: Span[] = []
  for (const span of generateIntervals(schedule, range)) if (spans.push(span) > limit) break
  return spans
}

/** The intervals that begin in the range; `to` is included as a whole. */
function listSpans(schedule: Schedule, { from, to, atMost = MOST }: Query): Span[] {
  const [first, last] = [parseBound('from', from, schedule), parseBound('to', to, schedule)]
  if (first.start > last.start)
    throw new SluiceError('invalid_usage', `--from ${from} is after --to ${to}.`, {
      hint: 'Turn them round.',
      params: { from: `is after ${to}` },
    })
  const most = Math.min(atMost, MOST)
  const range = { start: first.start, end: last.end }
  const spans: Span[] = []
  for (const span of generateIntervals(schedule, range)) {
    if (span.end > Date.now()) refuseUnended(describeInterval(span, schedule.timeZone).start, spans.length)
    spans.push(span)
    if (spans.length > most)
      throw new SluiceError('invalid_usage', `The range has more than ${most} intervals.`, {
        hint: 'Name a smaller range.',
        params: { to: `the range has more than ${most} intervals: name an earlier end` },
      })
  }
  if (spans.length > 0) return spans
  throw new SluiceError('invalid_usage', `No interval of ${schedule.cron} begins from ${from} to ${to}.`, {
    params: { to: `no interval of ${schedule.cron} begins from ${from} to ${to}` },
  })
}

function refuseUnended(name: string, before: number): never {
  throw new SluiceError(
    'invalid_usage',
    `The interval ${name} has not ended yet, so there is nothing to run for it.`,
    {
      hint: before === 0 ? 'Name a range that has ended.' : 'Name an earlier --to.',
      params: { to: `the interval ${name} has not ended yet` },
    },
  )
}

function parseBound(name: 'from' | 'to', text: string, { timeZone }: Schedule): Span {
  const span = parseTimeSpan(text, timeZone)
  if (span !== undefined) return span
  const hint =
    'Write a day 2026-05-17, an hour 2026-05-17T10 or a minute 2026-05-17T10:15, in the zone of the schedule.'
  throw new SluiceError('invalid_usage', `--${name} ${text} is no time that exists.`, {
    hint,
    params: { [name]: `${JSON.stringify(text)} is no time that exists. ${hint}` },
  })
}
