import { day, file, insignificant, json, jsonLines, pipeline, task } from 'sluice'
import { z } from 'zod'
import type { Article } from './article.ts'
import { harvest } from './harvest.ts'
import { type Match, matchTitles } from './match.ts'
import { countArticles, type Report, reportPage } from './report.ts'

const SAMPLE = 100
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

/** The folder of some days' files; a sample is kept apart from production. */
function folder({ date, until, production }: { date: string; until: string; production: boolean }) {
  if (until < date) throw new Error(`until (${until}) is before date (${date})`)
  return `${production ? 'arxiv' : 'arxiv-sample'}/${date === until ? date : `${date}--${until}`}`
}

export const CollectArticles = task(
  'CollectArticles',
  {
    params: { ...days, source },
    output: (params) => jsonLines<Article>(`${folder(params)}/articles.jsonl.gz`),
  },
  async ({ params, output, log, progress, signal }) => {
    const { source, date: from, until, production } = params
    const onPage = (records: number) => progress(records, undefined, 'records')
    const articles = await harvest({ source, from, until, signal, log, onPage })
    await output.write(production ? articles : articles.slice(0, SAMPLE))
    log.info(`${articles.length} articles from ${from} to ${until}`)
  },
)

export const MatchTitles = task(
  'MatchTitles',
  {
    params: { ...days, source, graph: insignificant(z.url(HTTP)) },
    requires: ({ graph: _, ...params }) => CollectArticles(params),
    output: (params) => jsonLines<Match>(`${folder(params)}/matches.jsonl.gz`),
  },
  async ({ params, input, output, log, progress, signal }) => {
    const articles = await input.read()
    const matches: Match[] = []
    for await (const match of matchTitles(articles, { graph: params.graph, signal, log }))
      progress(matches.push(match), articles.length, 'titles')
    await output.write(matches)
  },
)

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
      const into = folder({ ...params, until: until ?? params.date })
      return { report: json<Report>(`${into}/report.json`), page: file(`${into}/report.html`) }
    },
  },
  async ({ params: { date, until }, input, output }) => {
    const report = countArticles(await input.articles.read())
    await output.report.write(report)
    await output.page.write(
      reportPage(until === undefined || until === date ? date : `${date} to ${until}`, report),
    )
  },
)

export const arxlive = pipeline('arxlive', ArxivReport, {
  description: 'Collects the arXiv articles of some days and reports on them',
})
