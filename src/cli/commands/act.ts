import { SluiceError } from '../../core/errors.ts'
import { isOpen } from '../../core/model.ts'
import { cancelRun } from '../../engine/cancel.ts'
import { startLoops } from '../../engine/loops.ts'
import { findRun, findTasks, type RunView, type TaskView, viewRun } from '../../local/inspect.ts'
import type { Project } from '../../local/load-config.ts'
import { type GlobalOptions, homeWithRuns, type Result } from '../options.ts'
import { requestOf } from '../roots.ts'
import { type RunOptions, runRequest } from './run.ts'

/** Opens the next run of a request, planned from what is complete; with a task, a run of that task alone. */
export async function retryRun(
  project: Project,
  wanted: string,
  options: RunOptions & { task?: string },
): Promise<Result> {
  const home = homeWithRuns(options)
  const view = await viewRun(home, await findRun(home, wanted)).finally(() => home.close())
  const { run } = view
  const task = options.task === undefined ? undefined : onlyTask(view, options.task)
  const { family, params } = task?.planned ?? run
  const name = task === undefined ? run.name : family
  const definition = project.tasks.get(family)
  if (definition === undefined)
    throw new SluiceError('unknown_name', `The config no longer defines the task ${family} of run ${run.id}.`)
  return runRequest(project, requestOf({ name, definition }, params), options)
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
  const home = homeWithRuns(options)
  try {
    const run = await findRun(home, wanted)
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
      await Promise.race([clock.idle(200), loops.failed])
      now = await findRun(home, run.id)
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
