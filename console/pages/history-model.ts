import type { History } from '../../src/control/control.ts'
import { formatTook } from '../format.ts'

type HistoryRun = History['runs'][number]

/** A column of the grid: the newest run of an interval, or a run without one. */
export interface Column {
  run: HistoryRun
  at: number
  /** How many runs the interval has had. */
  runs: number
  tookMs: number | null
}

/** Columns from the oldest to the newest. Runs are the newest first, so the first one of an interval is its newest. */
export function makeColumns(runs: HistoryRun[]): Column[] {
  const columns = new Map<string, Column>()
  for (const run of runs) {
    const key = run.interval === null ? run.run : `${run.interval.start} ${run.interval.end}`
    const known = columns.get(key)
    if (known !== undefined) known.runs += 1
    else columns.set(key, { run, at: run.interval?.start ?? run.createdAt, runs: 1, tookMs: findTook(run) })
  }
  return [...columns.values()].sort((a, b) => a.at - b.at)
}

const findTook = ({ createdAt, endedAt }: HistoryRun) => (endedAt === null ? null : endedAt - createdAt)

/** Families of all columns, in the order in which runs name them. */
export const listFamilies = (columns: Column[]): string[] => [
  ...new Set(columns.toReversed().flatMap(({ run }) => run.families.map(({ family }) => family))),
]

/** Something of the newest run that took longer than usual. */
export interface Slow {
  what: string
  text: string
}

const SAMPLES = 5
const FACTOR = 1.5
const LEAST_MS = 1_000

/** What took half as long again as the median of the runs before, and a second more. Less than five runs say nothing. */
export function findSlow(columns: Column[]): Slow[] {
  const ended = columns.filter(({ run }) => run.status === 'succeeded')
  const newest = ended.at(-1)
  if (newest === undefined) return []
  const before = ended.slice(0, -1)
  const compare = (what: string, now: number | undefined, earlier: (number | undefined)[]): Slow[] => {
    const known = earlier.filter((ms) => ms !== undefined).sort((a, b) => a - b)
    const usual = known[Math.floor(known.length / 2)]
    if (now === undefined || usual === undefined || known.length < SAMPLES) return []
    if (now < usual * FACTOR || now < usual + LEAST_MS) return []
    return [{ what, text: `${formatTook(now)}, usually ${formatTook(usual)}` }]
  }
  const meanOf = ({ run }: Column, family: string) => {
    const found = run.families.find((each) => each.family === family)
    return found === undefined || found.ran === 0 ? undefined : found.ranMs / found.ran
  }
  return [
    ...compare(
      'The run',
      newest.tookMs ?? undefined,
      before.map(({ tookMs }) => tookMs ?? undefined),
    ),
    ...listFamilies([newest]).flatMap((family) =>
      compare(
        family,
        meanOf(newest, family),
        before.map((column) => meanOf(column, family)),
      ),
    ),
  ]
}
