import type { Control, FollowEnd, IntervalPage } from '../../control/control.ts'
import type { Project } from '../../project/load-config.ts'
import { askForConfirmation } from '../ask.ts'
import { EXIT } from '../exit.ts'
import { makeProgressView, makeRunFollower, type RunOptions } from '../follow.ts'
import { openControl } from '../open-control.ts'
import type { Result } from '../options.ts'
import { type BackfillInterval, renderBackfill } from '../render/backfill.ts'
import { renderWaitLines } from '../render/reasons.ts'

/** Flags of `sluice backfill`. */
export interface BackfillOptions extends RunOptions {
  from: string
  to: string
  maxActiveRuns: number
  yes?: true
}

/** More intervals are asked for first. */
const ASK_FROM = 1_000
/** More open runs are not explained: each takes a look at its tasks. */
const EXPLAINED = 50

type Params = NonNullable<Parameters<Control['intervals']>[0]['params']>

/** Runs every interval of a range that is not complete, oldest first, a few at a time. */
export async function backfillPipeline(
  project: Project,
  pipeline: string,
  params: Params,
  options: BackfillOptions,
): Promise<Result> {
  await using control = await openControl(options, project)
  const view = await makeProgressView(options)
  const follower = makeRunFollower(control, options)
  const found = await readIntervals(control, pipeline, params, options)
  const intervals = found.map(
    ({ name, isComplete }): BackfillInterval => ({
      interval: name,
      status: isComplete ? 'complete' : 'not started',
      run: null,
    }),
  )
  const complete = intervals.filter(({ status }) => status === 'complete').length
  view.say(`${intervals.length} intervals, ${complete} of them complete`)
  const byRun = new Map<string, BackfillInterval>()
  async function* openRuns(): AsyncGenerator<string> {
    for (const [index, interval] of intervals.entries()) {
      if (interval.status === 'complete') continue
      const { start, end } = found[index] as (typeof found)[number]
      const started = await control.start({ name: pipeline, params, interval: { start, end } })
      if (!('run' in started)) {
        interval.status = 'complete'
        continue
      }
      byRun.set(started.run, Object.assign(interval, { run: started.run, status: 'running' }))
      yield started.run
    }
  }
  const query = { runs: openRuns(), maxActive: options.maxActiveRuns }
  const end = await follower.followAll(view, query, (event) => {
    const interval = event.event === 'run_ended' ? byRun.get(event.run) : undefined
    if (event.event !== 'run_ended' || interval === undefined) return
    interval.status = event.status
    view.say(`${event.status.padEnd(10)} ${interval.interval}`)
  })
  if (end !== 'ended') await explainOpen(control, intervals)
  const hasFailed = intervals.some(({ status }) => status === 'failed' || status === 'cancelled')
  return {
    data: { pipeline, end, intervals },
    text: renderBackfill(pipeline, end, intervals),
    exitCode: exitCodeOf(end, hasFailed),
  }
}

function exitCodeOf(end: FollowEnd, hasFailed: boolean): number {
  if (end !== 'ended') return EXIT.waiting
  return hasFailed ? EXIT.failed : EXIT.done
}

/** All intervals of the range; many are asked for first. */
async function readIntervals(
  control: Control,
  pipeline: string,
  params: Params,
  { from, to, yes }: BackfillOptions,
): Promise<IntervalPage['intervals']> {
  const query = { pipeline, params, from, to }
  let page = await control.intervals(query)
  if ((page.all ?? 0) > ASK_FROM && !yes)
    await askForConfirmation(`The range has ${page.all} intervals.`, {
      question: 'Run them all?',
      refusal: 'Nothing was started.',
      hint: 'Name a smaller range, or add --yes.',
    })
  const { intervals } = page
  while (page.next !== null) {
    page = await control.intervals({ ...query, cursor: page.next })
    intervals.push(...page.intervals)
  }
  return intervals
}

/** Notes what open intervals wait for. */
async function explainOpen(control: Control, intervals: BackfillInterval[]): Promise<void> {
  const open = intervals.filter(({ status, run }) => run !== null && status === 'running')
  for (const interval of open.slice(0, EXPLAINED))
    interval.waits = renderWaitLines(await control.waits({ run: interval.run ?? '' }))
}
