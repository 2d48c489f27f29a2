import type { Budget } from 'sluice'
import { fetchOnce } from './http.ts'
import type { Title } from './titles.ts'

/** What the academic graph knows of an article; `paper` is null if no title matched. */
export interface Match extends Title {
  paper: { id: string; citations: number } | null
}

/** The graph's API, with what a call to it takes. */
export interface Graph {
  /** Its base URL. */
  url: string
  key: string
  budget: Budget
  signal: AbortSignal
}

/** How many titles are asked for at once. */
const PARALLEL = 4

/** Asks the graph for each title: `GET <graph>/match?title=…`, 404 if there is none. Order as given. */
export async function* matchTitles(titles: Title[], graph: Graph): AsyncGenerator<Match> {
  for (let start = 0; start < titles.length; start += PARALLEL)
    yield* await Promise.all(titles.slice(start, start + PARALLEL).map((title) => match(title, graph)))
}

async function match({ id, title }: Title, { url: base, key, budget, signal }: Graph): Promise<Match> {
  const url = new URL(`${base.replace(/\/$/, '')}/match`)
  url.searchParams.set('title', title)
  // A call counts for the graph from the moment on which it is made.
  await budget.spend()
  const response = await fetchOnce(url, { signal, headers: { authorization: `Bearer ${key}` } })
  if (response.status === 404) return { id, title, paper: null }
  if (response.ok) return { id, title, paper: toPaper(await response.json()) }
  await response.body?.cancel()
  if (response.status === 429 || response.status === 503)
    return budget.throttled(response.headers.get('retry-after'))
  throw new Error(`${url.origin}${url.pathname} answered ${response.status} ${response.statusText}`)
}

function toPaper(answer: unknown): Match['paper'] {
  const { id, citations } = (answer ?? {}) as Partial<NonNullable<Match['paper']>>
  if (typeof id === 'string' && typeof citations === 'number') return { id, citations }
  throw new Error(
    `the graph answered ${JSON.stringify(answer).slice(0, 200)}; expected {"id": …, "citations": …}`,
  )
}
