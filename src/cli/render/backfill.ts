import type { FollowEnd, RunShape } from '../../control/control.ts'
import { renderColumns, renderStatus } from './text.ts'

/** An interval of a backfill, and what has become of it. */
export interface BackfillInterval {
  interval: string
  status: RunShape['status'] | 'complete' | 'not started'
  run: string | null
  /** What its run waits for, if it is open at the end. */
  waits?: string[]
}

/** How many intervals are complete. */
export const countComplete = (intervals: BackfillInterval[]): number =>
  intervals.filter(({ status }) => status === 'complete').length

/** How many intervals have an open run, which a backfill joins. */
export const countOpen = (intervals: BackfillInterval[]): number =>
  intervals.filter(({ status }) => status === 'running').length

/** How many intervals of each pipeline would run. */
export function renderBackfillPreview(groups: { pipeline: string; intervals: BackfillInterval[] }[]): string {
  const lines = groups.map(({ pipeline, intervals }) => {
    const of = groups.length > 1 ? `${pipeline}: ` : ''
    const open = countOpen(intervals)
    const joined = open === 0 ? '' : `, ${open} with an open run`
    return `${of}${intervals.length} intervals, ${countComplete(intervals)} of them complete${joined}`
  })
  if (groups.length === 1) return lines.join('')
  const runs = groups.reduce(
    (sum, { intervals }) => sum + intervals.length - countComplete(intervals) - countOpen(intervals),
    0,
  )
  return [...lines, `${runs} runs to start`].join('\n')
}

/** What has become of the intervals of a backfill, for people. */
export function renderBackfill(pipeline: string, end: FollowEnd, intervals: BackfillInterval[]): string {
  const counts = [...Map.groupBy(intervals, ({ status }) => status)].map(
    ([status, some]) => `${some.length} ${status}`,
  )
  const rows = intervals.flatMap(({ status, interval, run }) =>
    status === 'failed' || status === 'cancelled'
      ? [[interval, renderStatus(status), `sluice status ${run}`]]
      : [],
  )
  return [
    `Backfill of ${pipeline}: ${counts.join(', ')}`,
    ...(rows.length === 0 ? [] : ['', renderColumns(['interval', 'status', 'look'], rows)]),
    ...waitingLines(intervals),
    ...(end === 'ended' ? [] : ['It is not done; the same command goes on. sluice runs shows what is open.']),
  ].join('\n')
}

function waitingLines(intervals: BackfillInterval[]): string[] {
  const waiting = intervals.filter(({ waits = [] }) => waits.length > 0)
  if (waiting.length === 0) return []
  return ['', 'Waiting:', ...waiting.map(({ interval, waits = [] }) => `  ${interval}: ${waits.join('; ')}`)]
}
