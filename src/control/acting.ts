import type { Stored } from '../core/change.ts'
import { SluiceError } from '../core/errors.ts'
import type { Run } from '../core/records/run.ts'
import { isRunOpen } from '../core/records/status.ts'
import type { Pipeline } from '../define/pipeline.ts'
import { cancelRun, mustCancelBeforeRetry } from '../engine/cancel.ts'
import { type Loops, startEngineLoops } from '../engine/loops.ts'
import { canMarkSucceeded, markTasksSucceeded } from '../engine/mark.ts'
import { setSchedulePaused } from '../engine/schedules.ts'
import { findUnattendedSince } from './attendance.ts'
import type { Cancelled, Control, MarkResult, Retried, Started } from './control.ts'
import { countTasks } from './count-tasks.ts'
import { findRun } from './find-runs.ts'
import { type FoundTask, findTask } from './find-tasks.ts'
import type { Home } from './home.ts'
import { type ControlParts, checkRequestShape, type Done } from './parts.ts'
import { repeatRequest } from './repeat-requests.ts'
import { findScheduledPipeline, findStartProblem } from './requests.ts'
import { PipelineRef, RetryRequest, RunRef, TaskRef } from './schemas.ts'
import { openRunAsAsked } from './start-runs.ts'

/** Operations that change runs and schedules. */
export function makeActingOperations(
  parts: ControlParts,
): Pick<Control, 'retry' | 'cancel' | 'mark' | 'pause' | 'resume'> {
  const { state, project } = parts
  const setPaused = async (name: string, paused: boolean) => {
    const pipeline = findScheduledPipeline(project, name)
    if (!paused) refuseUnstartable(pipeline)
    await setSchedulePaused((await state.open()).context, pipeline.name, paused)
    return { pipeline: name, paused }
  }
  return {
    async retry(request) {
      const { run: name, task, confirmed } = checkRequestShape(RetryRequest, request)
      const home = await state.withRuns()
      return retryRunOrTask(parts, home, await findRun(home, name), { name: task, confirmed })
    },
    async cancel(request) {
      const home = await state.withRuns()
      return cancelAndWait(parts, home, await findRun(home, checkRequestShape(RunRef, request).run))
    },
    async mark(request) {
      const { run, task } = checkRequestShape(TaskRef, request)
      const home = await state.withRuns()
      return markTask(parts, home, await findRun(home, run), task)
    },
    pause: (request) => setPaused(checkRequestShape(PipelineRef, request).pipeline, true),
    resume: (request) => setPaused(checkRequestShape(PipelineRef, request).pipeline, false),
  }
}

/** Opens the next run of a run's request; one that is open although something in it has failed is cancelled first. */
async function retryRunOrTask(
  parts: ControlParts,
  home: Home,
  run: Stored<Run>,
  { name, confirmed }: { name: string | undefined; confirmed: boolean },
): Promise<Retried> {
  const task = name === undefined ? undefined : await findTask(home, run, name)
  const stopping = task === undefined ? await endFailing(parts, home, run, confirmed) : undefined
  return stopping ?? openRunAgain(parts, home, run, { task })
}

/**
 * Cancels a run that is open although something in it has failed: bits of a run are never unset, so what failed can
 * succeed only in the next run. What still runs in it is stopped only if the caller has confirmed it. Cut off before
 * the next run is opened, the same request goes on. Returns what keeps the next run from being opened.
 */
async function endFailing(
  parts: ControlParts,
  home: Home,
  run: Stored<Run>,
  confirmed: boolean,
): Promise<Retried | undefined> {
  // Counting reads all tasks of a run.
  if (!isRunOpen(run.status)) return undefined
  const counts = await countTasks(home, run)
  if (!mustCancelBeforeRetry(run, (counts.failed ?? 0) + (counts.cancelled ?? 0))) return undefined
  const running = (await findUnattendedSince(home, run)) === undefined ? (counts.running ?? 0) : 0
  if (running > 0 && !confirmed) return { status: 'unconfirmed', affected: running, all: run.tasks ?? 0 }
  const { status } = await cancelAndWait(parts, home, run)
  return isRunOpen(status) ? { status: 'running', run: run.id } : undefined
}

/** Opens the next run of a request, or of one of its tasks; tasks of the ids in `done` count as complete. */
export function openRunAgain(
  parts: ControlParts,
  home: Home,
  run: Run,
  { task, done }: { task?: FoundTask | undefined; done?: Done },
): Promise<Started> {
  const { project } = parts
  const asked = repeatRequest(project, run, task?.planned, done)
  const isPipeline = task === undefined && project.pipelines.has(run.name)
  return openRunAsAsked(parts, home, asked, {
    ...(isPipeline ? { pipeline: run.name } : {}),
    again: {
      run: run.id,
      ...(task === undefined ? {} : { task: task.task.number }),
      ...(done === undefined ? {} : { done }),
    },
  })
}

const CANCEL_WAIT_MS = 15_000
/** A change of the run wakes at once if an engine of this process decides. */
const LOOK_MS = 200
const HOSTED_LOOK_MS = 1_000

/** Cancels a run; other processes that run its bodies learn of it with their next heartbeat. */
async function cancelAndWait(parts: ControlParts, home: Home, run: Stored<Run>): Promise<Cancelled> {
  if (!(await cancelRun(home.context, run, parts.findActor())))
    throw new SluiceError('invalid_usage', `Run ${run.id} cannot be cancelled: it has ended (${run.status}).`)
  return whileDeciding(parts, home, async (wait) => {
    const { clock } = home.context.ports
    const until = clock.now() + CANCEL_WAIT_MS
    let now = await findRun(home, run.id)
    while (isRunOpen(now.status) && clock.now() < until) {
      const idle = clock.listen('events')
      now = await findRun(home, run.id)
      if (isRunOpen(now.status)) await wait(idle(parts.isHosted ? HOSTED_LOOK_MS : LOOK_MS))
    }
    return { run: run.id, status: now.status }
  })
}

/** Lets an engine decide meanwhile, if none works by itself. */
export async function whileDeciding<T>(
  { isHosted }: ControlParts,
  { context }: Home,
  act: (wait: Loops['wait']) => Promise<T>,
): Promise<T> {
  const loops: Loops | undefined = isHosted ? undefined : startEngineLoops(context)
  try {
    return await act(async (promise) => (loops === undefined ? void (await promise) : loops.wait(promise)))
  } finally {
    await loops?.stop()
  }
}

/** Counts a task as succeeded: at once in an open run, else in the next run of the same request. */
async function markTask(
  parts: ControlParts,
  home: Home,
  run: Stored<Run>,
  name: string,
): Promise<MarkResult> {
  const { task, planned } = await findTask(home, run, name)
  if (!isRunOpen(run.status)) {
    if (task.status === 'succeeded' || task.status === 'complete')
      throw new SluiceError('invalid_usage', `${planned.label} has ${task.status} already.`)
    return openRunAgain(parts, home, run, { done: [planned.id] })
  }
  return whileDeciding(parts, home, () => markOpen(parts, home, run, task.number))
}

/** The engine may move the task at the same moment, for instance to look at its target again. */
const MARK_TRIES = 5

async function markOpen(
  { findActor }: ControlParts,
  home: Home,
  run: Stored<Run>,
  number: number,
): Promise<MarkResult> {
  for (let tries = 1; ; tries++) {
    const { task, planned } = await findTask(home, run, String(number))
    if (!canMarkSucceeded(task))
      throw new SluiceError('invalid_usage', `${planned.label} cannot be marked now: it is ${task.status}.`, {
        hint: `Let the run end or cancel it (sluice cancel ${run.id}), then mark it.`,
      })
    if ((await markTasksSucceeded(home.context, run.id, [task.number], findActor())) > 0)
      return { run: run.id, task: planned.label, status: 'succeeded' }
    if (tries === MARK_TRIES)
      throw new SluiceError('invalid_usage', `${planned.label} has changed meanwhile; look again.`)
  }
}

/** A schedule that could start nothing is not resumed: it would lose its intervals, and only a log would say so. */
function refuseUnstartable(pipeline: Pipeline): void {
  const problem = findStartProblem(pipeline, Date.now())
  if (problem === undefined) return
  throw new SluiceError(
    'invalid_definition',
    `The schedule of ${pipeline.name} cannot start runs: ${problem}`,
    { hint: "Correct the pipeline's `params`; the schedule stays as it was." },
  )
}
