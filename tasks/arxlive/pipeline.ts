import {
  collection,
  cron,
  day,
  external,
  file,
  insignificant,
  json,
  jsonLines,
  pipeline,
  secret,
  task,
} from 'sluice'
import { z } from 'zod'
import type { Article } from './article.ts'
import { harvestArticles } from './harvest.ts'
import { type Match, matchTitles } from './match.ts'
import { countArticles, type Report, renderReportPage } from './report.ts'
import { BATCH, countBatches, selectTitles, type Title } from './titles.ts'

const SAMPLE = 100
/** Earlier titles that one run asks for again, so that new ones always fit into the budget. */
const MOST_EARLIER = 200
const HTTP = { protocol: /^https?$/, error: 'must be a URL that begins with http: or https:' }

const days = {
  date: day(),
  until: day(),
  production: z.boolean().default(false),
}
const source = insignificant(
  z
    .url({ protocol: /^(https?|file)$/, error: 'must be an OAI-PMH base URL or a file: URL' })
    .default('https://oaipmh.arxiv.org/oai'),
)
const graph = insignificant(z.url(HTTP).optional())

const base = (production: boolean) => (production ? 'arxiv' : 'arxiv-sample')

/** The folder of some days' files; a sample is kept apart from production. */
function formatBatchFolder({
  date,
  until,
  production,
}: {
  date: string
  until: string
  production: boolean
}) {
  if (until < date) throw new Error(`until (${until}) is before date (${date})`)
  return `${base(production)}/${date === until ? date : `${date}--${until}`}`
}

/** The articles of the days, as arXiv lists them. */
export const CollectArticles = task(
  'CollectArticles',
  {
    params: { ...days, source },
    output: (params) => jsonLines<Article>(`${formatBatchFolder(params)}/articles.jsonl.gz`),
  },
  async ({ params, output, log, progress, signal }) => {
    const { source, date: from, until, production } = params
    const onPage = (records: number) => progress(records, undefined, 'records')
    const articles = await harvestArticles({ source, from, until, signal, log, onPage })
    await output.write(production ? articles : articles.slice(0, SAMPLE))
    log.info(`${articles.length} articles from ${from} to ${until}`)
  },
)

/** What was matched on other days; what is there is taken as it is. */
const EarlierMatches = external('EarlierMatches', {
  params: { production: z.boolean() },
  output: ({ production }) =>
    collection(base(production), (path) => jsonLines<Match>(path), /\/matches\.jsonl\.gz$/),
})

/** The titles to ask for: those of the articles, then earlier ones that had no match. */
export const SelectTitles = task(
  'SelectTitles',
  {
    params: { ...days, source },
    requires: (params) => ({
      articles: CollectArticles(params),
      earlier: EarlierMatches({ production: params.production }),
    }),
    output: (params) => jsonLines<Title>(`${formatBatchFolder(params)}/titles.jsonl.gz`),
  },
  async ({ params, input, output, log }) => {
    const articles = await input.articles.read()
    const before = (await input.earlier.list()).filter(
      ({ path }) => path < `${base(params.production)}/${params.date}`,
    )
    const earlier = (await Promise.all(before.map((each) => each.read()))).flat()
    const titles = selectTitles(articles, earlier, MOST_EARLIER)
    log.info(`${articles.length} new titles, ${titles.length - articles.length} earlier ones without a match`)
    await output.write(titles)
  },
)

const matching = { ...days, source, graph: insignificant(z.url(HTTP)) }

/** One call for each of 100 titles: the unit in which the budget is used and failures are repeated. */
export const MatchBatch = task(
  'MatchBatch',
  {
    params: { ...matching, number: z.int().min(0) },
    requires: ({ graph: _, number: __, ...params }) => SelectTitles(params),
    output: ({ number, ...params }) =>
      jsonLines<Match>(`${formatBatchFolder(params)}/matches/${String(number).padStart(4, '0')}.jsonl.gz`),
    secrets: { key: secret('mag/api-key') },
    budgets: { mag: BATCH },
  },
  async ({ params: { graph, number }, input, output, secrets, budgets, progress, signal }) => {
    const titles = (await input.read()).slice(number * BATCH, (number + 1) * BATCH)
    const matches: Match[] = []
    const api = { url: graph, key: secrets.key, budget: budgets.mag, signal }
    for await (const match of matchTitles(titles, api)) progress(matches.push(match), titles.length, 'titles')
    await output.write(matches)
  },
)

/** The matches of all batches in one file. */
export const MatchTitles = task(
  'MatchTitles',
  {
    params: matching,
    requires: ({ graph: _, ...params }) => SelectTitles(params),
    output: (params) => jsonLines<Match>(`${formatBatchFolder(params)}/matches.jsonl.gz`),
  },
  async ({ params, input, output, need }) => {
    // How many batches there are is known only now.
    const count = countBatches((await input.read()).length)
    const batches = await need(
      Array.from({ length: count }, (_, number) => MatchBatch({ ...params, number })),
    )
    await output.write(readAllMatches(batches))
  },
)

async function* readAllMatches(
  batches: readonly { readLines(): AsyncIterable<Match> }[],
): AsyncGenerator<Match> {
  for (const batch of batches) yield* batch.readLines()
}

/** The report: counts, and a page that shows them. */
export const ArxivReport = task(
  'ArxivReport',
  {
    params: { ...days, until: day().optional(), source, graph },
    requires: ({ graph, ...given }) => {
      const params = { ...given, until: given.until ?? given.date }
      return {
        articles: CollectArticles(params),
        matches: graph === undefined ? undefined : MatchTitles({ ...params, graph }),
      }
    },
    output: ({ until, ...params }) => {
      const into = formatBatchFolder({ ...params, until: until ?? params.date })
      return { report: json<Report>(`${into}/report.json`), page: file(`${into}/report.html`) }
    },
  },
  async ({ params: { date, until }, input, output }) => {
    const report = countArticles(await input.articles.read())
    await output.report.write(report)
    await output.page.write(
      renderReportPage(until === undefined || until === date ? date : `${date} to ${until}`, report),
    )
  },
)

/** Every working day of arXiv: collect, match, report. */
export const arxlive = pipeline('arxlive', ArxivReport, {
  description: 'Collects the arXiv articles of some days and reports on them',
  // arXiv changes at 02:00 GMT, from Sunday to Thursday.
  schedule: cron('0 3 * * 0-4', { timeZone: 'UTC' }),
  params: ({ date, lastDate }) => ({
    date,
    until: lastDate,
    production: true,
    // Without a graph to ask, articles are only collected and counted.
    ...(process.env.ARXLIVE_GRAPH === undefined ? {} : { graph: process.env.ARXLIVE_GRAPH }),
  }),
})
