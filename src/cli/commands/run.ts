import { hasEnded } from '../../core/model.ts'
import type { TaskInstance } from '../../define/task.ts'
import { findOpenRun, openRun } from '../../engine/open-run.ts'
import { type Home, openHome } from '../../local/home.ts'
import { findRun, viewRun } from '../../local/inspect.ts'
import type { Project } from '../../local/load-config.ts'
import { type FollowEnd, followRun, isComplete, makePlan, resumeRun } from '../../local/run-pipeline.ts'
import { EXIT } from '../exit.ts'
import type { GlobalOptions, Result } from '../options.ts'
import { liveProgress, type ProgressView, plainProgress, silentProgress } from '../progress.ts'
import { instant } from '../render.ts'
import type { Asked } from '../roots.ts'
import { summaryData, summaryText } from '../summary.ts'

const WAIT_MS = 60_000

/** Flags of commands that work on a run. */
export interface RunOptions extends GlobalOptions {
  concurrency: number
  wait?: number
  inline?: true
}

/** Opens or joins the run of a request and works on it until it ends, waits or is stopped. */
export async function runRequest(
  project: Project,
  { root, request }: Asked,
  options: RunOptions,
): Promise<Result> {
  const home = openHome({
    stateFolder: options.state,
    project,
    ...(options.data === undefined ? {} : { storageFolder: options.data }),
    ...(options.inline ? { inline: 'inline' } : {}),
  })
  try {
    const open = await findOpenRun(home.context, request)
    if (open === undefined && (await isComplete(home, root))) return nothingToDo(root)
    const { run, opened } = await openRun(home.context, request, () => makePlan(home, request.name, root))
    if (!opened) await resumeRun(home, run)
    return await follow(home, run, opened, options)
  } finally {
    await home.close()
  }
}

function nothingToDo(root: TaskInstance): Result {
  return {
    data: { status: 'complete', task: root.label },
    text: `Nothing to do: ${root.label} is complete.`,
  }
}

async function follow(home: Home, run: string, opened: boolean, options: RunOptions): Promise<Result> {
  const view = progressView(home, run, options)
  view.say(`${opened ? 'Run' : 'Going on with run'} ${run}`)
  const stop = new AbortController()
  const unlisten = listenForStop(stop, home, view)
  try {
    const end = await followRun(home, {
      ...view,
      run,
      concurrency: options.concurrency,
      waitMs: options.wait ?? WAIT_MS,
      signal: stop.signal,
    })
    view.stop()
    return await endResult(home, run, end)
  } finally {
    view.stop()
    unlisten()
  }
}

function progressView(home: Home, run: string, options: RunOptions): ProgressView {
  if (options.json) return silentProgress()
  if (process.stdout.isTTY) return liveProgress(home, run, options.concurrency)
  return plainProgress((line) => console.log(line))
}

/** The first Ctrl-C stops gracefully, the second kills. */
function listenForStop(stop: AbortController, home: Home, view: ProgressView): () => void {
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
  const view = await viewRun(home, await findRun(home, run))
  const data = { ...summaryData(view), end }
  switch (end) {
    case 'ended':
      return {
        data,
        text: summaryText(view),
        exitCode: view.run.status === 'succeeded' ? EXIT.done : EXIT.failed,
      }
    case 'stopped':
      return { data, text: `Stopped ${run}. The same command goes on with it.`, exitCode: EXIT.waiting }
    case 'waiting':
      return {
        data,
        text: [`Nothing could start. ${run} waits:`, ...waitLines(view)].join('\n'),
        exitCode: EXIT.waiting,
      }
  }
}

function waitLines(view: Awaited<ReturnType<typeof viewRun>>): string[] {
  const lines = view.tasks.flatMap(({ task, planned }) => {
    if (hasEnded(task.status) || task.status === 'pending') return []
    if (planned.policy.external) return [`  ${planned.label} for its target ${planned.outputs.join(', ')}`]
    if (task.status === 'waiting') return [`  ${planned.label} for the same task in another run`]
    if (task.status === 'queued')
      return [
        `  ${planned.label} for its next attempt${task.notBefore ? `, not before ${instant(task.notBefore)} UTC` : ''}`,
      ]
    return []
  })
  return [...lines.slice(0, 20), 'Go on later with the same command.']
}
