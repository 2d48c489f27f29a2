import type { Home } from '../../control/home.ts'
import { findRun, findTasks, type RunView, type TaskView, viewRun } from '../../control/inspect.ts'
import { findScheduled, requestAgain, scheduleProblem } from '../../control/requests.ts'
import { SluiceError } from '../../core/errors.ts'
import { isOpen, type Run, type TaskRun } from '../../core/model.ts'
import type { Pipeline } from '../../define/pipeline.ts'
import { cancelRun } from '../../engine/cancel.ts'
import { startLoops } from '../../engine/loops.ts'
import { canBeMarked, markSucceeded } from '../../engine/mark.ts'
import { pauseSchedule } from '../../engine/schedules.ts'
import type { Project } from '../../project/load-config.ts'
import { askFirst } from '../ask.ts'
import { EXIT } from '../exit.ts'
import { homeWithRuns, withHome } from '../homes.ts'
import type { GlobalOptions, Result } from '../options.ts'
import { type RunOptions, runRequest } from './run.ts'

/** Flags of `sluice retry`. */
export interface RetryOptions extends RunOptions {
  task?: string
  yes?: true
}

/**
 * Opens the next run of a request, planned from what is complete; with a task, a run of that task alone. An open run in
 * which something failed is cancelled first; any other open run is joined.
 */
export async function retryRun(project: Project, wanted: string, options: RetryOptions): Promise<Result> {
  const home = await homeWithRuns(options)
  const view = await viewRun(home, await findRun(home, wanted)).finally(() => home.close())
  const { run } = view
  const task = options.task === undefined ? undefined : onlyTask(view, options.task)
  const stopping = task === undefined ? await endFailing(view, options) : undefined
  if (stopping !== undefined) return stopping
  if (options.env !== undefined)
    return runAgain(project, run, { run: run.id, ...(task && { task: task.task.number }) }, options)
  return runRequest(project, requestAgain(project, run, task?.planned), options)
}

/**
 * Cancels a run that is open although something in it has failed: bits of a run are never unset, so what failed can
 * succeed only in the next run. What still runs in it is stopped only where the user says so. Cut off before the next run
 * is opened, the same command goes on. Returns what to say where its bodies have not stopped yet.
 */
async function endFailing(view: RunView, options: RetryOptions): Promise<Result | undefined> {
  const { run, counts } = view
  if (!isOpen(run.status) || !counts.failed) return undefined
  const running = view.unattendedSince === undefined ? (counts.running ?? 0) : 0
  if (running > 0 && !options.yes)
    await askFirst(`${running} ${running === 1 ? 'task of it still runs' : 'tasks of it still run'}.`, {
      question: 'Stop what runs, and begin the next run?',
      refusal: 'Nothing was stopped.',
      hint: 'Wait until nothing of it runs, or add --yes: what is stopped runs again in the next run.',
    })
  const cancelled = await cancel(run.id, options)
  if (!isOpen((cancelled.data as Pick<Run, 'status'>).status)) return undefined
  return { ...cancelled, text: `${cancelled.text} Then give the same command again.`, exitCode: EXIT.waiting }
}

/**
 * Counts a task as succeeded though nobody has made its target. In an open run it ends at once; after a run has ended,
 * the next run of the same request goes on from there.
 */
export async function mark(
  project: Project,
  { run: wanted, task: name, outcome }: { run: string; task: string; outcome: string },
  options: RunOptions,
): Promise<Result> {
  if (outcome !== 'succeeded')
    throw new SluiceError('invalid_usage', `A task can be marked as succeeded, not as ${outcome}.`)
  const home = await homeWithRuns(options)
  const view = await viewRun(home, await findRun(home, wanted)).finally(() => home.close())
  const { task, planned } = onlyTask(view, name) as TaskView
  if (!isOpen(view.run.status)) {
    if (task.status === 'succeeded' || task.status === 'complete')
      throw new SluiceError('invalid_usage', `${planned.label} has ${task.status} already.`)
    if (options.env !== undefined)
      return runAgain(project, view.run, { run: view.run.id, done: [planned.id] }, options)
    return runRequest(project, requestAgain(project, view.run, undefined, new Set([planned.id])), options)
  }
  if (!canBeMarked(task))
    throw new SluiceError('invalid_usage', `${planned.label} cannot be marked now: it is ${task.status}.`, {
      hint: `Let the run end or cancel it (sluice cancel ${view.run.id}), then mark it.`,
    })
  const isMarked = await withHome(options, project, async ({ context }) => {
    if (options.env !== undefined) return markRemotely(options, project, task)
    const loops = startLoops(context)
    const marked = await markSucceeded(context, task)
    await loops.stop()
    return marked
  })
  if (!isMarked) throw new SluiceError('invalid_usage', `${planned.label} has changed meanwhile; look again.`)
  return {
    data: { run: view.run.id, task: planned.label, status: 'succeeded' },
    text: `Marked ${planned.label}.`,
  }
}

/** The next run of a request of a deployment. */
async function runAgain(
  project: Project,
  { name, params }: Run,
  again: { run: string; task?: number; done?: string[] },
  options: RunOptions,
): Promise<Result> {
  const { runRemotely } = await import('../remote/run.ts')
  return runRemotely(project, { name, params, order: { again } }, options)
}

async function markRemotely(
  options: GlobalOptions,
  project: Project,
  { run, number }: TaskRun,
): Promise<boolean> {
  const { api } = await (await import('../remote/connect.ts')).connect(options, project)
  return (await api.post<{ marked: boolean }>(`/runs/${run}/tasks/${number}/mark`)).marked
}

/** A schedule that could start nothing is not resumed: it would lose its intervals, and only a log would tell. */
function refuseUnstartable(pipeline: Pipeline): void {
  const problem = scheduleProblem(pipeline, Date.now())
  if (problem === undefined) return
  throw new SluiceError(
    'invalid_definition',
    `The schedule of ${pipeline.name} cannot start runs: ${problem}`,
    {
      hint: "Correct the pipeline's `params`; the schedule stays as it was.",
    },
  )
}

/** Stops the schedule of a pipeline, or lets it start runs. */
export async function setPaused(
  project: Project,
  name: string,
  paused: boolean,
  options: GlobalOptions,
): Promise<Result> {
  const pipeline = findScheduled(project, name)
  if (!paused) refuseUnstartable(pipeline)
  if (options.env === undefined)
    await withHome(options, project, (home) => pauseSchedule(home.context, pipeline.name, paused))
  else {
    const { api } = await (await import('../remote/connect.ts')).connect(options, project)
    await api.post(`/pipelines/${name}/${paused ? 'pause' : 'resume'}`)
  }
  const resumed = options.env === undefined ? 'starts runs while sluice dev is running' : 'starts runs again'
  const text = `The schedule of ${name} ${paused ? 'is paused; runs that are open go on' : resumed}.`
  return { data: { pipeline: name, paused }, text }
}

function onlyTask(view: RunView, wanted: string): TaskView | undefined {
  const [task, ...others] = findTasks(view, wanted)
  if (others.length === 0) return task
  const labels = [task, ...others].map((each) => each?.planned.label)
  throw new SluiceError('unknown_task', `${labels.length} tasks are called ${wanted}.`, {
    hint: `Name one: ${labels.slice(0, 5).join(', ')}${labels.length > 5 ? ', …' : ''}.`,
  })
}

const CANCEL_WAIT_MS = 15_000

/** Cancels a run; other processes that run its bodies are told with their next heartbeat. */
export async function cancel(wanted: string, options: GlobalOptions): Promise<Result> {
  const home = await homeWithRuns(options)
  try {
    const run = await findRun(home, wanted)
    if (options.env !== undefined) return await cancelRemotely(home, run, options)
    if (!(await cancelRun(home.context, run)))
      throw new SluiceError(
        'invalid_usage',
        `Run ${run.id} cannot be cancelled: it has ended (${run.status}).`,
      )
    const loops = startLoops(home.context)
    const { clock } = home.context.ports
    const until = clock.now() + CANCEL_WAIT_MS
    let now = await findRun(home, run.id)
    while (isOpen(now.status) && clock.now() < until) {
      const idle = clock.listen('events')
      now = await findRun(home, run.id)
      if (isOpen(now.status)) await Promise.race([idle(200), loops.failed])
    }
    await loops.stop()
    const text = isOpen(now.status)
      ? `Run ${run.id} is being cancelled; it ends when its running tasks have stopped.`
      : `Cancelled ${run.id}.`
    return { data: { run: run.id, status: now.status }, text }
  } finally {
    await home.close()
  }
}

async function cancelRemotely(home: Home, run: Run, options: GlobalOptions): Promise<Result> {
  const { api } = await (await import('../remote/connect.ts')).connect(options)
  const { cancelled } = await api.post<{ cancelled: boolean }>(`/runs/${run.id}/cancel`)
  if (!cancelled)
    throw new SluiceError('invalid_usage', `Run ${run.id} cannot be cancelled: it has ended (${run.status}).`)
  const until = Date.now() + CANCEL_WAIT_MS
  let now = await findRun(home, run.id)
  while (isOpen(now.status) && Date.now() < until) {
    await home.context.ports.clock.sleep(1_000)
    now = await findRun(home, run.id)
  }
  const text = isOpen(now.status)
    ? `Run ${run.id} is being cancelled; it ends when its running tasks have stopped.`
    : `Cancelled ${run.id}.`
  return { data: { run: run.id, status: now.status }, text }
}
