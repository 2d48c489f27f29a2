import type { Control, Follow, FollowEnd, RunEvent, Started } from '../control/control.ts'
import { SluiceError } from '../core/errors.ts'
import { EXIT } from './exit.ts'
import type { ControlOptions } from './open-control.ts'
import { formatPlaceFlag, type Result } from './options.ts'
import { makePlainProgress, makeSilentProgress, type ProgressView } from './progress.ts'
import { readRunSummary } from './read-pages.ts'
import { renderWaitLines } from './render/reasons.ts'
import { makeSummaryData, renderFailureLines, renderSummary, type Summary } from './render/summary.ts'

/** Flags of commands that work on runs. */
export interface RunOptions extends ControlOptions {
  concurrency: number
  wait?: number
  /** Starts the run and does not follow it, where an engine works by itself. */
  detach?: true
}

/** Follows the run that was opened or joined until it ends, waits or is stopped. */
export async function followStartedRun(
  control: Control,
  started: Started,
  options: RunOptions,
): Promise<Result> {
  if (!('run' in started))
    return {
      data: { status: 'complete', task: started.task },
      text: `Nothing to do: ${started.task} is complete.`,
    }
  const { run, opened } = started
  if (options.detach && control.isHosted)
    return {
      data: { run, opened },
      text: `${opened ? 'Started' : 'There is'} run ${run}. Look at it: sluice status ${run}${formatPlaceFlag(options)}`,
    }
  const view = await makeProgressView(options, async () => {
    const { makeLiveProgress } = await import('./live-progress.ts')
    return makeLiveProgress(options.concurrency)
  })
  view.say(`${opened ? 'Run' : 'Going on with run'} ${run}`)
  const end = await followRuns(control, view, options, { runs: [run] })
  return makeRunResult(control, await readRunSummary(control, run), end, options)
}

/** Follows runs, shows how they go on, and stops gracefully at Ctrl-C. */
export async function followRuns(
  control: Control,
  view: ProgressView,
  { concurrency, wait }: RunOptions,
  query: Pick<Follow, 'runs' | 'maxActive'>,
  onEvent: (event: RunEvent) => void = () => {},
): Promise<FollowEnd> {
  const stop = new AbortController()
  const unlisten = listenForStop(stop, control)
  const waiting = wait === undefined ? {} : { waitMs: wait }
  try {
    const events = control.follow({
      ...query,
      ...waiting,
      concurrency,
      counts: view.wantsCounts,
      signal: stop.signal,
    })
    for await (const event of events) {
      if (event.event === 'end') return event.end
      view.show(event)
      onEvent(event)
    }
    throw new SluiceError('internal', 'Following ended without saying how.')
  } finally {
    view.stop()
    unlisten()
  }
}

/** Live on a terminal where there is such a view, plain lines otherwise. */
export async function makeProgressView(
  options: RunOptions,
  live?: () => Promise<ProgressView>,
): Promise<ProgressView> {
  if (options.json) return makeSilentProgress()
  if (process.stdout.isTTY && live !== undefined) return live()
  return makePlainProgress((line) => console.log(line))
}

/** The first Ctrl-C stops gracefully, the second kills what runs in this process. */
export function listenForStop(stop: AbortController, control: Pick<Control, 'close'>): () => void {
  const onSignal = () => {
    if (stop.signal.aborted) {
      void control.close()
      process.exit(EXIT.killed)
    }
    stop.abort()
  }
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
  return () => {
    process.off('SIGINT', onSignal)
    process.off('SIGTERM', onSignal)
  }
}

async function makeRunResult(
  control: Control,
  summary: Summary,
  end: FollowEnd,
  options: RunOptions,
): Promise<Result> {
  const { run, status } = summary.run
  const data = { ...makeSummaryData(summary), end }
  const isDone = end === 'ended' && status === 'succeeded'
  switch (end) {
    case 'ended':
      return {
        data,
        text: renderSummary(summary, formatPlaceFlag(options)),
        exitCode: isDone ? EXIT.done : EXIT.failed,
      }
    case 'stopped': {
      const text = control.isHosted
        ? `The run goes on: sluice status ${run}${formatPlaceFlag(options)}`
        : `Stopped ${run}. The same command goes on with it.`
      return { data, text, exitCode: EXIT.waiting }
    }
    case 'waiting': {
      const waits = renderWaitLines(await control.waits({ run }))
      const lines = [
        ...renderFailureLines(summary, formatPlaceFlag(options)).slice(1),
        `Nothing could start. ${run} waits:`,
        ...waits.map((line) => `  ${line}`),
        ...(control.isHosted ? [] : ['Go on later with the same command, or leave it to sluice dev.']),
      ]
      return { data: { ...data, waits }, text: lines.join('\n'), exitCode: EXIT.waiting }
    }
  }
}
