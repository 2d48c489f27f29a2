import type { Control, FollowEnd, IntervalPage } from '../../control/control.ts'
import type { Project } from '../../project/load-config.ts'
import { askForConfirmation } from '../ask.ts'
import { EXIT } from '../exit.ts'
import { makeProgressView, makeRunFollower, type RunOptions } from '../follow.ts'
import { openControl } from '../open-control.ts'
import type { Result } from '../options.ts'
import {
  type BackfillInterval,
  countComplete,
  countOpen,
  renderBackfill,
  renderBackfillPreview,
} from '../render/backfill.ts'
import { renderWaitLines } from '../render/reasons.ts'

/** Flags of `sluice backfill`. */
export interface BackfillOptions extends RunOptions {
  from: string
  to: string
  maxActiveRuns: number
  dryRun?: true
  yes?: true
}

/** More intervals are asked for first. */
const ASK_FROM = 1_000
/** More open runs are not explained: each takes a look at its tasks. */
const EXPLAINED = 50

type Params = NonNullable<Parameters<Control['intervals']>[0]['params']>

/** An interval of one of the pipelines, and what becomes of it. */
interface Entry {
  pipeline: string
  span: { start: number; end: number }
  shown: BackfillInterval
}

/** Runs every interval of a range that is not complete, of one pipeline or several, oldest first, a few at a time. */
export async function backfillPipelines(
  project: Project,
  pipelines: string[],
  params: Params,
  options: BackfillOptions,
): Promise<Result> {
  await using control = await openControl(options, project)
  const view = await makeProgressView(options)
  const follower = makeRunFollower(control, options)
  const entries = await readEntries(control, pipelines, params, options)
  const preview = renderBackfillPreview(groupByPipeline(pipelines, entries))
  if (options.dryRun) return { data: previewData(pipelines, entries), text: preview }
  view.say(preview)
  const byRun = new Map<string, Entry>()
  const query = { runs: openRuns(control, params, entries, byRun), maxActive: options.maxActiveRuns }
  const end = await follower.followAll(view, query, (event) => {
    const entry = event.event === 'run_ended' ? byRun.get(event.run) : undefined
    if (event.event !== 'run_ended' || entry === undefined) return
    entry.shown.status = event.status
    const of = pipelines.length > 1 ? `${entry.pipeline} ` : ''
    view.say(`${event.status.padEnd(10)} ${of}${entry.shown.interval}`)
  })
  if (end !== 'ended')
    await explainOpen(
      control,
      entries.map(({ shown }) => shown),
    )
  const hasFailed = entries.some(({ shown: { status } }) => status === 'failed' || status === 'cancelled')
  const groups = groupByPipeline(pipelines, entries)
  const [only] = groups
  return {
    data: groups.length === 1 ? { end, ...only } : { end, pipelines: groups },
    text: groups.map(({ pipeline, intervals }) => renderBackfill(pipeline, end, intervals)).join('\n\n'),
    exitCode: exitCodeOf(end, hasFailed),
  }
}

const groupByPipeline = (pipelines: string[], entries: Entry[]) =>
  pipelines.map((pipeline) => ({
    pipeline,
    intervals: entries.flatMap((entry) => (entry.pipeline === pipeline ? [entry.shown] : [])),
  }))

function previewData(pipelines: string[], entries: Entry[]) {
  return groupByPipeline(pipelines, entries).map(({ pipeline, intervals }) => ({
    pipeline,
    all: intervals.length,
    complete: countComplete(intervals),
    open: countOpen(intervals),
    intervals,
  }))
}

/** Opens the run of each interval that is not complete, the oldest interval of all pipelines first. */
async function* openRuns(
  control: Control,
  params: Params,
  entries: Entry[],
  byRun: Map<string, Entry>,
): AsyncGenerator<string> {
  for (const entry of entries.toSorted((a, b) => a.span.start - b.span.start)) {
    const { pipeline, span, shown } = entry
    if (shown.status === 'complete') continue
    const started = await control.start({ name: pipeline, params, interval: span })
    if (!('run' in started)) {
      shown.status = 'complete'
      continue
    }
    Object.assign(shown, { run: started.run, status: 'running' })
    byRun.set(started.run, entry)
    yield started.run
  }
}

function exitCodeOf(end: FollowEnd, hasFailed: boolean): number {
  if (end !== 'ended') return EXIT.waiting
  return hasFailed ? EXIT.failed : EXIT.done
}

/** All intervals of the range, of each pipeline; many are asked for before they are read. */
async function readEntries(
  control: Control,
  pipelines: string[],
  params: Params,
  { from, to, yes, dryRun }: BackfillOptions,
): Promise<Entry[]> {
  const first: { pipeline: string; page: IntervalPage }[] = []
  for (const pipeline of pipelines)
    first.push({ pipeline, page: await control.intervals({ pipeline, params, from, to }) })
  const all = first.reduce((sum, { page }) => sum + (page.all ?? 0), 0)
  if (all > ASK_FROM && !yes && !dryRun)
    await askForConfirmation(`The range has ${all} intervals.`, {
      question: 'Run them all?',
      refusal: 'Nothing was started.',
      hint: 'Name a smaller range, or add --yes.',
    })
  const entries: Entry[] = []
  for (const { pipeline, page } of first)
    for (let now = page; ; ) {
      for (const interval of now.intervals) entries.push(makeEntry(pipeline, interval))
      if (now.next === null) break
      now = await control.intervals({ pipeline, params, from, to, cursor: now.next })
    }
  return entries
}

function makeEntry(
  pipeline: string,
  { start, end, name, isComplete, openRun }: IntervalPage['intervals'][number],
): Entry {
  const run = isComplete ? null : openRun
  const status = isComplete ? 'complete' : run === null ? 'not started' : 'running'
  return { pipeline, span: { start, end }, shown: { interval: name, status, run } }
}

/** Notes what open intervals wait for. */
async function explainOpen(control: Control, intervals: BackfillInterval[]): Promise<void> {
  const open = intervals.filter(({ status, run }) => run !== null && status === 'running')
  for (const interval of open.slice(0, EXPLAINED))
    interval.waits = renderWaitLines(await control.waits({ run: interval.run ?? '' }))
}
