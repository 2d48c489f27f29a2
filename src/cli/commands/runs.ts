import { unattendedSince } from '../../control/attendance.ts'
import type { Home } from '../../control/home.ts'
import { allRuns } from '../../control/inspect.ts'
import { filterRuns, type RunFilter } from '../../control/run-filter.ts'
import { taskLabel } from '../../core/identity.ts'
import type { Run, RunStatus } from '../../core/model.ts'
import { existingHome } from '../homes.ts'
import type { GlobalOptions, Result } from '../options.ts'
import { columns, instant, statusText, took } from '../render.ts'

/** Flags of `sluice runs`. */
export interface RunsOptions extends GlobalOptions {
  limit: number
  pipeline?: string
  status?: RunStatus[]
  failed?: true
  since?: number
  until?: number
}

/** Lists runs that are wanted, the newest first. */
export async function listRuns(options: RunsOptions): Promise<Result> {
  const home = await existingHome(options)
  try {
    const all = home === undefined ? [] : await allRuns(home)
    const found = filterRuns(all, filterOf(options)).reverse()
    const runs = await Promise.all(found.slice(0, options.limit).map((run) => attended(home, run)))
    return { data: runs.map(({ run, since }) => runData(run, since)), text: runsText(all, found, runs) }
  } finally {
    await home?.close()
  }
}

const filterOf = ({ pipeline, status, failed, since, until }: RunsOptions): RunFilter => ({
  pipeline,
  statuses: failed ? ['failed', ...(status ?? [])] : status,
  since,
  until,
})

/** A run, and since when no process works on it though it is open. */
interface Attended {
  run: Run
  since: number | undefined
}

async function attended(home: Home | undefined, run: Run): Promise<Attended> {
  return { run, since: home && (await unattendedSince(home, run)) }
}

function runsText(all: Run[], found: Run[], runs: Attended[]): string {
  if (all.length === 0) return 'No runs yet. Start one: sluice run NAME'
  if (found.length === 0) return `None of ${all.length} runs is like that. sluice runs lists them.`
  const table = columns(['run', 'for', 'status', 'started (UTC)', 'took', ''], runs.map(runRow))
  const left = found.length - runs.length
  return left === 0 ? table : `${table}\n… and ${left} more: --limit ${found.length}`
}

function runRow({ run, since }: Attended): string[] {
  return [
    run.id,
    subjectOf(run),
    statusText(run.status),
    instant(run.createdAt),
    took((run.endedAt ?? since ?? Date.now()) - run.createdAt),
    since === undefined ? '' : `no process works on it since ${instant(since)} UTC`,
  ]
}

/** What a run is for: its interval first, then its parameters. */
function subjectOf({ interval, params, forced }: Run): string {
  const shown = taskLabel('', params).slice(1, -1)
  return [interval && intervalText(interval), shown, forced && `forced ${forced}`].filter(Boolean).join(' ')
}

const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000

/** An interval in UTC, as short as it can be told: `2026-05-17`, `2026-05-17T10`, or from and to. */
function intervalText({ start, end }: { start: number; end: number }): string {
  const iso = new Date(start).toISOString()
  if (start % DAY_MS === 0 && end - start === DAY_MS) return iso.slice(0, 10)
  if (start % HOUR_MS === 0 && end - start === HOUR_MS) return iso.slice(0, 13)
  return `${iso.slice(0, 16)}–${new Date(end).toISOString().slice(end - start < DAY_MS ? 11 : 0, 16)}`
}

/** A run for `--json`. */
export function runData(run: Run, since?: number) {
  const { id, name, params, status, createdAt, endedAt, tasks, interval, forced } = run
  return {
    run: id,
    name,
    params,
    status,
    createdAt,
    endedAt: endedAt ?? null,
    tasks: tasks ?? 0,
    interval: interval ?? null,
    forced: forced ?? null,
    unattendedSince: since ?? null,
  }
}
