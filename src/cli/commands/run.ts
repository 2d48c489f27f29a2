import { type FollowEnd, followRuns, resumeRun } from '../../control/follow-runs.ts'
import type { Home } from '../../control/home.ts'
import { lookingAtHome } from '../../control/looking.ts'
import { type Asked, startRun } from '../../control/requests.ts'
import { SluiceError } from '../../core/errors.ts'
import type { Params } from '../../core/model.ts'
import type { Project } from '../../project/load-config.ts'
import { EXIT } from '../exit.ts'
import { growFreely } from '../heap.ts'
import { projectHome } from '../homes.ts'
import type { GlobalOptions, Result } from '../options.ts'
import { liveProgress, type ProgressView, plainProgress, silentProgress } from '../progress.ts'
import { readSummary } from '../read-pages.ts'
import { waitLines } from '../render/reasons.ts'
import { failureLines, summaryData, summaryText } from '../render/summary.ts'

const WAIT_MS = 60_000

/** Flags of commands that work on runs. */
export interface RunOptions extends GlobalOptions {
  concurrency: number
  wait?: number
  inline?: true
  /** With `--env`: starts the run and does not follow it. */
  detach?: true
}

/** Opens or joins the run of a request and works on it until it ends, waits or is stopped. */
export async function runRequest(project: Project, asked: Asked, options: RunOptions): Promise<Result> {
  if (options.env !== undefined) return runDeployed(project, asked, options)
  const home = projectHome(options, project)
  try {
    const started = await startRun(home, asked)
    if (started === undefined) return nothingToDo(asked)
    const { run, opened } = started
    if (!opened) await resumeRun(home, run)
    const view = progressView(options, () => liveProgress(home, run, options.concurrency))
    view.say(`${opened ? 'Run' : 'Going on with run'} ${run}`)
    const runs = [run]
    const end = await follow(home, view, { ...options, next: async () => runs.shift(), maxActive: 1 })
    return await endResult(home, run, end)
  } finally {
    await home.close()
  }
}

async function runDeployed(project: Project, asked: Asked, options: RunOptions): Promise<Result> {
  const { root, request } = asked
  if (root === undefined)
    throw new SluiceError('invalid_usage', 'A plan from elsewhere runs on one machine, without --env.')
  const { name, params, forced, interval } = request
  const force: true | string | undefined = forced === 'root' ? true : forced
  const order = { ...(force === undefined ? {} : { force }), ...(interval === undefined ? {} : { interval }) }
  const { runRemotely } = await import('../remote/run.ts')
  return runRemotely(project, { name, params: (asked.given ?? params) as Params, order }, options)
}

function nothingToDo({ label }: Asked): Result {
  return { data: { status: 'complete', task: label }, text: `Nothing to do: ${label} is complete.` }
}

/** Works on runs, shows how they go on, and stops gracefully at Ctrl-C. */
export async function follow(
  home: Home,
  view: ProgressView,
  options: RunOptions & Pick<Parameters<typeof followRuns>[1], 'next' | 'maxActive' | 'onRunEnd'>,
): Promise<FollowEnd> {
  const stop = new AbortController()
  const unlisten = listenForStop(stop, home, view)
  try {
    const { concurrency, wait = WAIT_MS, next, maxActive, onRunEnd } = options
    growFreely()
    return await followRuns(home, {
      ...view,
      next,
      maxActive,
      concurrency,
      waitMs: wait,
      signal: stop.signal,
      ...(onRunEnd === undefined ? {} : { onRunEnd }),
    })
  } finally {
    view.stop()
    unlisten()
  }
}

/** Live on a terminal where there is such a view, plain lines otherwise. */
export function progressView(options: RunOptions, live?: () => ProgressView): ProgressView {
  if (options.json) return silentProgress()
  if (process.stdout.isTTY && live !== undefined) return live()
  return plainProgress((line) => console.log(line))
}

/** The first Ctrl-C stops gracefully, the second kills. */
export function listenForStop(
  stop: AbortController,
  home: Home,
  view: Pick<ProgressView, 'say'>,
): () => void {
  const onSignal = () => {
    if (stop.signal.aborted) {
      void home.context.ports.runner.close()
      process.exit(EXIT.killed)
    }
    view.say('Stopping: what runs may finish for 10 s. Ctrl-C again kills it.')
    stop.abort()
  }
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
  return () => {
    process.off('SIGINT', onSignal)
    process.off('SIGTERM', onSignal)
  }
}

async function endResult(home: Home, run: string, end: FollowEnd): Promise<Result> {
  const control = lookingAtHome(home)
  const summary = await readSummary(control, run)
  const data = { ...summaryData(summary), end }
  switch (end) {
    case 'ended':
      return {
        data,
        text: summaryText(summary),
        exitCode: summary.run.status === 'succeeded' ? EXIT.done : EXIT.failed,
      }
    case 'stopped':
      return { data, text: `Stopped ${run}. The same command goes on with it.`, exitCode: EXIT.waiting }
    case 'waiting': {
      const waits = waitLines(await control.waits({ run }))
      return {
        data: { ...data, waits },
        text: [
          ...failureLines(summary).slice(1),
          `Nothing could start. ${run} waits:`,
          ...waits.map((line) => `  ${line}`),
          'Go on later with the same command, or leave it to sluice dev.',
        ].join('\n'),
        exitCode: EXIT.waiting,
      }
    }
  }
}
