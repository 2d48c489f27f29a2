import type { Log } from 'sluice'
import type { Article } from './article.ts'
import { get } from './http.ts'

/** What the academic graph knows of an article; `paper` is null where no title matched. */
export interface Match {
  id: string
  title: string
  paper: { id: string; citations: number } | null
}

/** How many titles are asked for at once. */
const PARALLEL = 4

/** Asks the graph for each title: `GET <graph>/match?title=…`, 404 where there is none. Order as given. */
export async function* matchTitles(
  articles: Article[],
  { graph, signal, log }: { graph: string; signal: AbortSignal; log: Log },
): AsyncGenerator<Match> {
  const onWait = (ms: number) => log.info(`the graph asks to wait for ${ms / 1000} s`)
  for (let start = 0; start < articles.length; start += PARALLEL)
    yield* await Promise.all(
      articles.slice(start, start + PARALLEL).map(async ({ id, title }) => {
        const url = new URL(`${graph.replace(/\/$/, '')}/match`)
        url.searchParams.set('title', title)
        const response = await get(url, { signal, onWait })
        return { id, title, paper: response.status === 404 ? null : toPaper(await response.json()) }
      }),
    )
}

function toPaper(answer: unknown): Match['paper'] {
  const { id, citations } = (answer ?? {}) as Partial<NonNullable<Match['paper']>>
  if (typeof id === 'string' && typeof citations === 'number') return { id, citations }
  throw new Error(
    `the graph answered ${JSON.stringify(answer).slice(0, 200)}; expected {"id": …, "citations": …}`,
  )
}
