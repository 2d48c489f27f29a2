import { createHash } from 'node:crypto'
import { resolve } from 'node:path'
import { daily, folder, hourly, insignificant, json, jsonLines, pipeline, quarterHourly, task } from 'sluice'
import { z } from 'zod'
import { type Clicks, countClicks } from './clicks.ts'
import { listShorterIntervals, makeIntervalField, makeResultPath } from './interval.ts'
import type { Request } from './log-line.ts'
import { isS3Source, makeSourceStamp } from './source.ts'
import { formatQuarterFile, MALFORMED, splitByQuarter } from './split.ts'
import { addUpSummaries, type Summary, summarizeRequests } from './summary.ts'
import { type VisitLine, type Visitor, Visits } from './visits.ts'

/** An access log, or a folder of them. Where logs are read from is no part of what an interval is. */
const source = insignificant(z.string().default('weblogs'))
/** The longer interval that a part is made for. */
const within = insignificant(z.string().optional())
const TOP = 20

/** Writes the requests of each quarter of an hour into a file of its own. */
export const Split = task(
  'Split',
  {
    // The stamp changes with the source, which is then read again.
    params: { source: z.string(), stamp: z.string() },
    output: ({ source, stamp }) =>
      folder(`search/split/${createHash('sha256').update(`${source}\n${stamp}`).digest('hex').slice(0, 32)}`),
  },
  async ({ params, output, progress, log }) =>
    splitByQuarter(params.source, output, {
      onLine: (lines) => progress(lines, undefined, 'lines'),
      onForeign: (file, { line, text }) =>
        log.warn(
          `none of the lines of ${file} is a request; line ${line} is ${JSON.stringify(text.slice(0, 200))}`,
        ),
    }),
)

const results = (length: 'quarter' | 'hour' | 'day', interval: string) => ({
  summary: json<Summary>(`${makeResultPath(length, interval)}.json`),
  visits: jsonLines<VisitLine>(`${makeResultPath(length, interval)}.visits.jsonl.gz`),
})

/** Requests, visitors and sessions of 15 minutes. */
export const SearchQuarter = task(
  'SearchQuarter',
  {
    params: { interval: makeIntervalField('quarter'), within, source },
    // What is in a bucket cannot be asked for while planning: it is read once for each interval that is asked for.
    requires: ({ interval, within, source }) =>
      Split(
        isS3Source(source)
          ? { source, stamp: within ?? interval }
          : { source: resolve(source), stamp: makeSourceStamp(source) },
      ),
    output: ({ interval }) => results('quarter', interval),
  },
  async ({ params: { interval }, input, output }) => {
    const isThere = (await input.names()).includes(formatQuarterFile(interval))
    const requests = isThere ? await input.jsonLines<Request>(formatQuarterFile(interval)).read() : []
    // Lines are not always in order of time; those of one second stay as they were.
    requests.sort((a, b) => a.at - b.at)
    const malformed = (await input.json<Record<string, number>>(MALFORMED).read())[interval] ?? 0
    const visits = new Visits()
    for (const request of requests) visits.addRequest(request)
    await output.summary.write(summarizeRequests(requests, visits, malformed))
    await output.visits.write(visits.lines())
  },
)

/** The same of an hour, added up from its quarters. */
export const SearchHour = task(
  'SearchHour',
  {
    params: { interval: makeIntervalField('hour'), within, source },
    requires: ({ interval, within, source }) =>
      listShorterIntervals(interval, 'hour').map((quarter) =>
        SearchQuarter({ interval: quarter, within: within ?? interval, source }),
      ),
    output: ({ interval }) => results('hour', interval),
  },
  async ({ input, output }) => {
    const { summary, visits } = await addUpSummaries(input)
    await output.summary.write(summary)
    await output.visits.write(visits.lines())
  },
)

/** The day's visits, on which everything about a day is based. */
export const DayVisits = task(
  'DayVisits',
  {
    params: { interval: makeIntervalField('day'), source },
    requires: ({ interval, source }) =>
      listShorterIntervals(interval, 'day').map((hour) =>
        SearchHour({ interval: hour, within: interval, source }),
      ),
    output: ({ interval }) => ({
      summary: json<Summary & Pick<DaySummary, 'topPaths' | 'topReferrers'>>(
        `${makeResultPath('day', interval)}.summary.json`,
      ),
      visits: jsonLines<VisitLine>(`${makeResultPath('day', interval)}.visits.jsonl.gz`),
    }),
  },
  async ({ input, output }) => {
    const { summary, visits } = await addUpSummaries(input)
    const topPaths = visits.top('path', TOP).map(([path, requests]) => ({ path, requests }))
    const topReferrers = visits.top('referrer', TOP).map(([referrer, requests]) => ({ referrer, requests }))
    await output.summary.write({ ...summary, topPaths, topReferrers })
    await output.visits.write(visits.lines())
  },
)

/** The heavy step of a day, in a pool of its own: it can be exchanged for a container or a cluster job. */
export const DayClicks = task(
  'DayClicks',
  {
    params: { interval: makeIntervalField('day'), source },
    requires: ({ interval, source }) => DayVisits({ interval, source }),
    output: ({ interval }) => json<Clicks>(`${makeResultPath('day', interval)}.clicks.json`),
    pool: 'heavy',
  },
  async ({ input, output }) => output.write(await countClicks(visitorsOf(input.visits.readLines()))),
)

async function* visitorsOf(lines: AsyncIterable<VisitLine>): AsyncGenerator<Visitor> {
  for await (const line of lines) if (line.kind === 'visitor') yield line
}

/** What is known of a day. */
export interface DaySummary extends Summary, Clicks {
  topPaths: { path: string; requests: number }[]
  topReferrers: { referrer: string; requests: number }[]
}

/** The same of a day, with its pages, referrers and clicks. */
export const SearchDay = task(
  'SearchDay',
  {
    params: { interval: makeIntervalField('day'), source },
    requires: ({ interval, source }) => ({
      day: DayVisits({ interval, source }),
      clicks: DayClicks({ interval, source }),
    }),
    output: ({ interval }) => json<DaySummary>(`${makeResultPath('day', interval)}.json`),
  },
  async ({ input, output }) =>
    output.write({ ...(await input.day.summary.read()), ...(await input.clicks.read()) }),
)

/** Where a deployment reads its logs: `s3://bucket/prefix`. */
const given = process.env.SEARCH_SOURCE === undefined ? {} : { source: process.env.SEARCH_SOURCE }

/** A run for every quarter of an hour. */
export const searchQuarter = pipeline('search-quarter', SearchQuarter, {
  description: 'Counts the requests, visitors and sessions of 15 minutes',
  schedule: quarterHourly(),
  params: ({ quarter }) => ({ interval: quarter, ...given }),
})

/** A run for every hour. */
export const searchHourly = pipeline('search-hourly', SearchHour, {
  description: 'The same of an hour, made from its quarters',
  schedule: hourly(),
  params: ({ hour }) => ({ interval: hour, ...given }),
})

/** A run for every day. */
export const searchDaily = pipeline('search-daily', SearchDay, {
  description: 'The same of a day, with pages, clicks and a comparison of two variants',
  schedule: daily(),
  params: ({ date }) => ({ interval: date, ...given }),
})
