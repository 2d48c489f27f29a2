import type { z } from 'zod'
import type { Stored } from '../core/change.ts'
import { SluiceError } from '../core/errors.ts'
import { keys } from '../core/keys.ts'
import type { Run } from '../core/records/run.ts'
import { formatShownName, suggestName } from '../define/suggestion.ts'
import { findUnattendedSince } from './attendance.ts'
import type { RunPage } from './control.ts'
import type { Home } from './home.ts'
import { filterRuns } from './run-filter.ts'
import type { RunQuery } from './schemas.ts'
import { isRunTerm, nameTerm, type Selection } from './selection/language.ts'
import { matchesRun } from './selection/match.ts'
import { parseSelection } from './selection/parse.ts'
import { viewRun } from './views.ts'

/** A page of runs, the newest first. */
export async function readRunPage(
  home: Home,
  query: z.output<typeof RunQuery>,
  zoneOf: (pipeline: string) => string,
): Promise<RunPage> {
  const { cursor, limit, where, newest, ...filter } = query
  const all = await readAllRuns(home)
  const terms = where === undefined ? [] : parseRunSelection(where)
  const found = filterRuns(newest ? keepNewest(all) : all, filter)
    .filter((run) => terms.every((term) => matchesRun(term, run, zoneOf(run.name))))
    .reverse()
  const start = cursor === undefined ? 0 : findPageStart(found, cursor)
  const page = found.slice(start, start + limit)
  const runs = await Promise.all(page.map(async (run) => viewRun(run, await findUnattendedSince(home, run))))
  const last = page.at(-1)
  const next = last === undefined || start + limit >= found.length ? null : formatRunCursor(last)
  return { runs, found: found.length, all: all.length, next }
}

/** The newest run of each request; runs are in order of age. */
function keepNewest<R extends Run>(runs: R[]): R[] {
  const newest = new Map<string, R>()
  for (const run of runs) newest.set(run.request, run)
  return runs.filter((run) => newest.get(run.request) === run)
}

function parseRunSelection(where: string): Selection {
  const selection = parseSelection(where)
  const other = selection.find((term) => !isRunTerm(term))
  if (other === undefined) return selection
  throw new SluiceError('invalid_usage', `${nameTerm(other)} selects tasks, and no runs.`, {
    hint: 'Select runs by `pipeline` and `interval`.',
  })
}

/** The cursor of the page after a run. */
export const formatRunCursor = ({ createdAt, id }: { createdAt: number; id: string }) => `${createdAt} ${id}`

/** The place after the run that a cursor names, which may have been forgotten since. */
export function findPageStart(runs: { createdAt: number; id: string }[], cursor: string): number {
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

/** All runs, oldest first. */
export async function readAllRuns({ context }: Home): Promise<Stored<Run>[]> {
  const records = await context.ports.store.list({ prefix: keys.run(''), consistency: 'strong' })
  return records
    .map(({ record }) => record)
    .sort((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1))
}

/** A run by its id, a unique prefix, or `latest`. */
export async function findRun(home: Home, wanted: string): Promise<Stored<Run>> {
  const [named] = await home.context.ports.store.read([keys.run(wanted)])
  if (named !== undefined) return named
  const runs = await readAllRuns(home)
  const exact = wanted === 'latest' ? runs.at(-1) : undefined
  const matching = exact ? [exact] : wanted === '' ? [] : runs.filter((run) => run.id.startsWith(wanted))
  if (matching.length === 1 && matching[0]) return matching[0]
  const ids = matching.map((run) => run.id)
  if (ids.length > 1)
    throw new SluiceError(
      'unknown_run',
      `${ids.length} runs begin with ${wanted}: ${ids.slice(0, 10).join(', ')}.`,
      {
        hint: 'Give more of the id.',
      },
    )
  const near = suggestName(
    wanted,
    runs.map((run) => run.id),
  )
  throw new SluiceError('unknown_run', `No run is called ${formatShownName(wanted)}.${near}`, {
    hint: 'sluice runs lists them; `latest` is the newest.',
  })
}
