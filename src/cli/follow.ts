import type { Control, Follow, FollowEnd, RunEvent, Started } from '../control/control.ts'
import { SluiceError } from '../core/errors.ts'
import { EXIT } from './exit.ts'
import type { CommandControl, ControlOptions } from './open-control.ts'
import type { Result } from './options.ts'
import { makePlainProgress, makeSilentProgress, type ProgressView } from './progress.ts'
import { readRunSummary } from './read-pages.ts'
import { renderWaitLines } from './render/reasons.ts'
import { makeSummaryData, renderFailureLines, renderSummary, type Summary } from './render/summary.ts'

/** Flags of commands that work on runs. */
export interface RunOptions extends ControlOptions {
  concurrency: number
  wait?: number
  /** Starts the run and does not follow it, if an engine works by itself. */
  detach?: true
}

/** Follows runs for a command: shows how they go on, and stops gracefully at Ctrl-C. */
export interface RunFollower {
  /** Follows the run that was opened or joined, and says how it ended. With `--detach` it only says which run it is. */
  followStarted(started: Started): Promise<Result>
  /** Follows several runs in a view of the caller until all have ended. */
  followAll(
    view: ProgressView,
    query: Pick<Follow, 'runs' | 'maxActive'>,
    onEvent?: (event: RunEvent) => void,
  ): Promise<FollowEnd>
}

/** The follower of a command's runs, with the flags of the command. */
export function makeRunFollower(control: CommandControl, options: RunOptions): RunFollower {
  const { concurrency, wait: waitMs } = options
  const openView = () =>
    makeProgressView(options, async () => {
      const { makeLiveProgress } = await import('./live-progress.ts')
      return makeLiveProgress(concurrency)
    })
  const isDetached = options.detach === true && control.isHosted
  const followAll: RunFollower['followAll'] = async (view, query, onEvent) => {
    const stop = new AbortController()
    const unlisten = listenForStop(stop, control)
    const { signal } = stop
    try {
      const events = control.follow({ ...query, waitMs, concurrency, counts: view.wantsCounts, signal })
      for await (const event of events) {
        if (event.event === 'end') return event.end
        view.show(event)
        onEvent?.(event)
      }
      throw new SluiceError('internal', 'Following ended without saying how.')
    } finally {
      view.stop()
      unlisten()
    }
  }
  return {
    followAll,
    async followStarted(started) {
      if (!('run' in started)) return renderAllComplete(started)
      if (isDetached) return renderDetached(started, control.placeFlag)
      const view = await openView()
      view.say(`${started.opened ? 'Run' : 'Going on with run'} ${started.run}`)
      const end = await followAll(view, { runs: [started.run] })
      return makeRunResult(control, await readRunSummary(control, started.run), {
        end,
        keepsFailed: options.keep === true,
      })
    },
  }
}

type Opened = Extract<Started, { run: string }>

const renderAllComplete = ({ task }: Exclude<Started, Opened>): Result => ({
  data: { status: 'complete', task },
  text: `Nothing to do: ${task} is complete.`,
})

const renderDetached = ({ run, opened }: Opened, placeFlag: string): Result => ({
  data: { run, opened },
  text: `${opened ? 'Started' : 'There is'} run ${run}. Look at it: sluice status ${run}${placeFlag}`,
})

/** Live on a terminal if there is such a view, plain lines otherwise. */
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

const formatKeptHint = (run: string) => `Look into a container that was kept: sluice shell ${run} TASK`

async function makeRunResult(
  control: CommandControl,
  summary: Summary,
  { end, keepsFailed }: { end: FollowEnd; keepsFailed: boolean },
): Promise<Result> {
  const { run, status } = summary.run
  const data = { ...makeSummaryData(summary), end }
  const isDone = end === 'ended' && status === 'succeeded'
  switch (end) {
    case 'ended':
      return {
        data,
        text: [
          renderSummary(summary, control.placeFlag),
          ...(keepsFailed && !isDone ? [formatKeptHint(run)] : []),
        ].join('\n'),
        exitCode: isDone ? EXIT.done : EXIT.failed,
      }
    case 'stopped': {
      const text = control.isHosted
        ? `The run goes on: sluice status ${run}${control.placeFlag}`
        : `Stopped ${run}. The same command goes on with it.`
      return { data, text, exitCode: EXIT.waiting }
    }
    case 'waiting': {
      const waits = renderWaitLines(await control.waits({ run }))
      const lines = [
        ...renderFailureLines(summary, control.placeFlag).slice(1),
        `Nothing could start. ${run} waits:`,
        ...waits.map((line) => `  ${line}`),
        ...(control.isHosted ? [] : ['Go on later with the same command, or leave it to sluice dev.']),
      ]
      return { data: { ...data, waits }, text: lines.join('\n'), exitCode: EXIT.waiting }
    }
  }
}
