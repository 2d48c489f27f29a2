import { readFileSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { htmlEscape } from 'escape-goat'

/** One article of the sample, of our own making. */
interface SampleArticle {
  id: string
  datestamp: string
  set: string
  deleted?: true
  categories: string
  title: string
  abstract: string
  created: string
  authors: string[]
  citations: number | null
}

/** A running sample server. */
export interface SampleServer {
  /** OAI-PMH base URL. */
  oai: string
  /** Base URL of the graph API. */
  graph: string
  /** The key that the graph API takes. */
  key: string
  /** Requests so far, by path. */
  requests: Record<string, number>
  close(): void
}

const PAGE = 5
/** No secret: the sample is on loopback and made up. */
const KEY = 'the-key-of-the-sample'
const articles = JSON.parse(
  readFileSync(new URL('articles.json', import.meta.url), 'utf8'),
) as SampleArticle[]

/**
 * Serves the sample on loopback like the real sources: OAI-PMH in pages with resumption tokens, the first request
 * answered by 503 with `Retry-After`, and the graph API. A port that is taken is replaced by a free one.
 */
export async function startSampleServer(port = 0): Promise<SampleServer> {
  const requests: Record<string, number> = {}
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://sample')
    requests[url.pathname] = (requests[url.pathname] ?? 0) + 1
    const isKnown = request.headers.authorization === `Bearer ${KEY}`
    if (url.pathname.startsWith('/graph') && !isKnown) response.writeHead(401).end()
    else answerRequest(url, requests[url.pathname] === 1, response)
  })
  await new Promise<void>((resolve) => {
    server.once('error', () => server.listen(0, '127.0.0.1', resolve))
    server.listen(port, '127.0.0.1', resolve)
  })
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return { oai: `${base}/oai`, graph: `${base}/graph`, key: KEY, requests, close: () => server.close() }
}

function answerRequest(url: URL, isFirst: boolean, response: ServerResponse): void {
  if (url.pathname === '/oai' && isFirst) response.writeHead(503, { 'retry-after': '1' }).end('busy')
  else if (url.pathname === '/oai')
    response.writeHead(200, { 'content-type': 'text/xml' }).end(oaiReply(url.searchParams))
  else if (url.pathname === '/graph/match') answerMatch(url.searchParams.get('title') ?? '', response)
  else response.writeHead(404).end()
}

function answerMatch(title: string, response: ServerResponse): void {
  const found = articles.find((article) => article.title === title)
  if (found === undefined || found.citations === null) response.writeHead(404).end()
  else
    response
      .writeHead(200, { 'content-type': 'application/json' })
      .end(JSON.stringify({ id: `sample-${found.id}`, citations: found.citations }))
}

function oaiReply(query: URLSearchParams): string {
  const token = query.get('resumptionToken')
  const [from = '', until = '', start = '0'] = token?.split('|') ?? [
    query.get('from') ?? '',
    query.get('until') ?? '9999',
  ]
  const wanted = articles.filter(({ datestamp }) => datestamp >= from && datestamp <= until)
  if (wanted.length === 0)
    return envelope('<error code="noRecordsMatch">No record has such a datestamp</error>')
  const page = wanted.slice(Number(start), Number(start) + PAGE)
  const next = Number(start) + PAGE
  const more = next < wanted.length ? `${from}|${until}|${next}` : ''
  return envelope(
    `<ListRecords>${page.map(recordXml).join('')}<resumptionToken>${more}</resumptionToken></ListRecords>`,
  )
}

const envelope = (content: string) =>
  `<?xml version="1.0" encoding="UTF-8"?>
<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/"><responseDate>2024-03-06T00:00:00Z</responseDate>${content}</OAI-PMH>`

function recordXml(article: SampleArticle): string {
  const { id, datestamp, set } = article
  const status = article.deleted ? ' status="deleted"' : ''
  const header = `<header${status}><identifier>oai:arXiv.org:${id}</identifier><datestamp>${datestamp}</datestamp><setSpec>${set}</setSpec></header>`
  if (article.deleted) return `<record>${header}</record>`
  const authors = article.authors.map((name) => `<author><keyname>${name}</keyname></author>`).join('')
  const text = htmlEscape`<title>${article.title}</title><categories>${article.categories}</categories><abstract>${article.abstract}</abstract>`
  return `<record>${header}<metadata><arXiv xmlns="http://arxiv.org/OAI/arXiv/"><id>${id}</id><created>${article.created}</created><authors>${authors}</authors>${text}</arXiv></metadata></record>`
}
