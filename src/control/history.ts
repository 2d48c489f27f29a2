import { LRUCache } from 'lru-cache'
import type { z } from 'zod'
import type { Run } from '../core/records/run.ts'
import { isRunOpen } from '../core/records/status.ts'
import type { History } from './control.ts'
import { findPageStart, formatRunCursor, readAllRuns } from './find-runs.ts'
import { summarizeFamilies } from './graph.ts'
import type { Home } from './home.ts'
import { MAX_TABLE_TASKS, readRunTable } from './run-table.ts'
import type { HistoryQuery } from './schemas.ts'

type HistoryRun = History['runs'][number]
type Families = Pick<HistoryRun, 'families' | 'moreFamilies'>

/** A page ends early after looking at so many tasks. */
const MAX_TASKS = 20_000
const MAX_FAMILIES = 100
/** Summaries of runs that have ended, which are final. */
const KEPT = 2_000

const caches = new WeakMap<Home, LRUCache<string, Families>>()

/** The last runs of a pipeline with the counts of their families, the newest first. */
export async function readHistory(home: Home, query: z.output<typeof HistoryQuery>): Promise<History> {
  const { pipeline, cursor, limit } = query
  const found = (await readAllRuns(home)).filter(({ name }) => name === pipeline).reverse()
  const start = cursor === undefined ? 0 : findPageStart(found, cursor)
  const runs: HistoryRun[] = []
  let looked = 0
  for (const run of found.slice(start, start + limit)) {
    if (looked > MAX_TASKS) break
    const summary = await summarizeRun(home, run)
    looked += summary.looked
    const { id, status, createdAt, endedAt = null, interval = null } = run
    const { families, moreFamilies } = summary
    runs.push({ run: id, status, createdAt, endedAt, interval, families, moreFamilies })
  }
  const last = found[start + runs.length - 1]
  const isMore = last !== undefined && start + runs.length < found.length
  return { runs, found: found.length, next: isMore ? formatRunCursor(last) : null }
}

/** The families of a run, and how many tasks had to be looked at for that. */
async function summarizeRun(home: Home, run: Run): Promise<Families & { looked: number }> {
  const cache = caches.get(home) ?? new LRUCache<string, Families>({ max: KEPT })
  caches.set(home, cache)
  const key = `${run.id} ${run.createdAt}`
  const known = cache.get(key)
  if (known !== undefined) return { ...known, looked: 0 }
  // Such a run would hold up the page; its own page has the list of its tasks.
  if ((run.tasks ?? 0) > MAX_TABLE_TASKS) return { families: [], moreFamilies: 0, looked: 0 }
  const all = summarizeFamilies(await readRunTable(home, run))
  const families = all
    .slice(0, MAX_FAMILIES)
    .map(({ family, counts, ran, ranMs }) => ({ family, counts: { ...counts }, ran, ranMs }))
  const summary = { families, moreFamilies: Math.max(0, all.length - MAX_FAMILIES) }
  if (!isRunOpen(run.status)) cache.set(key, summary)
  return { ...summary, looked: run.tasks ?? 0 }
}
