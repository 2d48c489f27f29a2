import type { z } from 'zod'
import { SluiceError } from '../core/errors.ts'
import { unattendedSince } from './attendance.ts'
import type { RunPage } from './control.ts'
import type { Home } from './home.ts'
import { allRuns } from './inspect.ts'
import { filterRuns } from './run-filter.ts'
import type { RunQuery } from './schemas.ts'
import { viewRun } from './views.ts'

/** A page of runs, the newest first. */
export async function readRunPage(home: Home, query: z.output<typeof RunQuery>): Promise<RunPage> {
  const { cursor, limit, ...filter } = query
  const all = await allRuns(home)
  const found = filterRuns(all, filter).reverse()
  const start = cursor === undefined ? 0 : startOf(found, cursor)
  const page = found.slice(start, start + limit)
  const runs = await Promise.all(page.map(async (run) => viewRun(run, await unattendedSince(home, run))))
  const last = page.at(-1)
  const next = last === undefined || start + limit >= found.length ? null : cursorOf(last)
  return { runs, found: found.length, all: all.length, next }
}

const cursorOf = ({ createdAt, id }: { createdAt: number; id: string }) => `${createdAt} ${id}`

/** The place after the run that a cursor names, which may have been forgotten since. */
function startOf(runs: { createdAt: number; id: string }[], cursor: string): number {
  const [, at, id = ''] = /^(\d+) (\S+)$/.exec(cursor) ?? []
  if (at === undefined)
    throw new SluiceError('invalid_usage', `${cursor} is no cursor of a page of runs.`, {
      hint: 'Give the `next` of the page before.',
    })
  const place = runs.findIndex(
    (run) => run.createdAt < Number(at) || (run.createdAt === Number(at) && run.id < id),
  )
  return place === -1 ? runs.length : place
}
