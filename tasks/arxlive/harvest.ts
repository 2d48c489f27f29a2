import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Log } from 'sluice'
import { type Article, ArticleSet } from './article.ts'
import { fetchPatiently, makeRefusedError } from './http.ts'
import { OaiError, type Page, readOaiPage } from './oai-reader.ts'

/** Which articles to collect, and from where. */
export interface Harvest {
  /** An OAI-PMH base URL, or the `file:` URL of a saved reply. */
  source: string
  from: string
  until: string
  signal: AbortSignal
  log: Log
  onPage(articles: number): void
}

/** The articles whose datestamps lie in the days, unique and sorted by id. */
export async function harvestArticles(options: Harvest): Promise<Article[]> {
  const { source } = options
  const replies = source.startsWith('file:')
    ? savedReply(savedPath(source), options)
    : pages(new URL(source), options)
  const articles = new ArticleSet(options.from, options.until)
  let records = 0
  for await (const page of replies) {
    for (const record of page.records) articles.add(record)
    records += page.records.length
    options.onPage(records)
  }
  return articles.articles()
}

/** `file:reply.xml` and `file:../reply.xml` are meant from the working folder, as they are in a shell. */
function savedPath(source: string): string {
  return source.startsWith('file:/')
    ? fileURLToPath(source)
    : resolve(decodeURIComponent(source.slice('file:'.length)))
}

async function* savedReply(path: string, { log }: Harvest): AsyncIterable<Page> {
  const found = await stat(path).catch((error: Error) => {
    throw new Error(`the saved reply ${path} cannot be read: ${error.message}`)
  })
  if (!found.isFile()) throw new Error(`the saved reply ${path} is not a file`)
  const page = await readOaiPage(createReadStream(path))
  if (page.resumptionToken !== undefined)
    log.warn('the saved reply is only one page of a longer list; the rest is missing')
  yield page
}

/** Follows resumption tokens until the list is complete. */
async function* pages(base: URL, options: Harvest): AsyncIterable<Page> {
  const seen = new Set<string>()
  const url = new URL(base)
  url.search = String(
    new URLSearchParams({
      verb: 'ListRecords',
      from: options.from,
      until: options.until,
      metadataPrefix: 'arXiv',
    }),
  )
  for (;;) {
    const page = await fetchPage(url, options)
    yield page
    const token = page.resumptionToken
    if (token === undefined) return
    if (seen.has(token)) throw new Error('the source repeats a resumption token; its list never ends')
    seen.add(token)
    url.search = String(new URLSearchParams({ verb: 'ListRecords', resumptionToken: token }))
  }
}

async function fetchPage(url: URL, { signal, log }: Harvest): Promise<Page> {
  const onWait = (ms: number, status: number) =>
    log.info(`the source answered ${status}; trying again in ${ms / 1000} s`)
  const response = await fetchPatiently(url, { signal, onWait })
  const contentType = response.headers.get('content-type') ?? undefined
  const reading = readOaiPage(response.body ?? new ReadableStream(), contentType)
  if (response.ok) return reading
  // Many repositories send OAI errors, also the one for an empty list, with a status of 4xx: the OAI error decides.
  const page = await reading.catch((error: unknown) => {
    throw error instanceof OaiError ? error : makeRefusedError(url, response)
  })
  if (!page.isNoMatch) throw makeRefusedError(url, response)
  return page
}
