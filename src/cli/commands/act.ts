import { SluiceError } from '../../core/errors.ts'
import type { Project } from '../../project/load-config.ts'
import { askForConfirmation } from '../ask.ts'
import { EXIT } from '../exit.ts'
import { makeRunFollower, type RunOptions } from '../follow.ts'
import { openControl } from '../open-control.ts'
import type { GlobalOptions, Result } from '../options.ts'
import { actOnSelection, type SelectionOptions } from './act-on-selection.ts'

/** Flags of acts that may be for selected tasks. */
type MaybeSelection = Partial<SelectionOptions>

/** Flags of `sluice retry`. */
interface RetryOptions extends RunOptions, MaybeSelection {
  task?: string
}

/** Retries a run, one task of it, or selected tasks. */
export async function retryByOptions(
  project: Project,
  run: string | undefined,
  options: RetryOptions,
): Promise<Result> {
  const { where, task } = options
  if (where === undefined) return retryRunByName(project, requireRun(run, options), options)
  if (task !== undefined)
    throw new SluiceError('invalid_usage', 'It takes either --task or --where, not both.', {
      hint: `Say the same in the selection: --where "task=${task}".`,
    })
  return actOnSelection(project, { act: 'retry', run }, { ...options, where })
}

/** Cancels a run, or selected tasks. */
export async function cancelByOptions(
  project: Project,
  run: string | undefined,
  options: GlobalOptions & MaybeSelection,
): Promise<Result> {
  const { where } = options
  if (where === undefined) return cancelRunByName(requireRun(run, options), options)
  return actOnSelection(project, { act: 'cancel', run }, { ...options, where })
}

/** Marks one task, or selected ones: the names are RUN TASK OUTCOME, or with a selection [RUN] OUTCOME. */
export async function markByOptions(
  project: Project,
  names: string[],
  options: RunOptions & MaybeSelection,
): Promise<Result> {
  const { where } = options
  const outcome = names.at(-1)
  if (where === undefined) {
    const [run, task] = names
    if (run === undefined || task === undefined || outcome === undefined || names.length < 3)
      throw new SluiceError('invalid_usage', 'It takes RUN TASK succeeded, or --where SELECTION.', {
        hint: 'For example: sluice mark latest Count succeeded',
      })
    requireRun(run, options)
    return markTaskByName(project, { run, task, outcome }, options)
  }
  if (outcome === undefined || names.length > 2)
    throw new SluiceError('invalid_usage', 'With --where it takes [RUN] succeeded.', {
      hint: 'For example: sluice mark latest succeeded --where "family=Count"',
    })
  requireSucceeded(outcome)
  return actOnSelection(
    project,
    { act: 'mark', run: names.length === 2 ? names[0] : undefined },
    { ...options, where },
  )
}

/** The run of an act without a selection. */
function requireRun(run: string | undefined, { dryRun }: MaybeSelection): string {
  if (run === undefined)
    throw new SluiceError('invalid_usage', 'It takes a run, or --where SELECTION.', {
      hint: 'sluice runs lists runs; latest is the newest.',
    })
  if (dryRun)
    throw new SluiceError('invalid_usage', '--dry-run goes with --where.', {
      hint: `Look at the run: sluice status ${run}`,
    })
  return run
}

function requireSucceeded(outcome: string): void {
  if (outcome !== 'succeeded')
    throw new SluiceError('invalid_usage', `A task can be marked as succeeded, not as ${outcome}.`)
}

/**
 * Opens the next run of a request, planned from what is complete; with a task, a run of that task alone. What still runs
 * in an open run in which something failed is stopped only if the user says so.
 */
async function retryRunByName(project: Project, run: string, options: RetryOptions): Promise<Result> {
  const { task, yes = false } = options
  await using control = await openControl(options, project)
  const follower = makeRunFollower(control, options)
  let retried = await control.retry({ run, task, confirmed: yes })
  if ('status' in retried && retried.status === 'unconfirmed') {
    const { affected } = retried
    await askForConfirmation(
      `${affected} ${affected === 1 ? 'task of it still runs' : 'tasks of it still run'}.`,
      {
        question: 'Stop what runs, and begin the next run?',
        refusal: 'Nothing was stopped.',
        hint: 'Wait until nothing of it runs, or add --yes: what is stopped runs again in the next run.',
      },
    )
    retried = await control.retry({ run, task, confirmed: true })
  }
  if (!('status' in retried) || retried.status === 'complete') return await follower.followStarted(retried)
  if (retried.status === 'unconfirmed')
    throw new SluiceError('internal', 'A confirmed retry was not confirmed.')
  return {
    data: retried,
    text: `${describeStoppingRun(retried.run)} Then give the same command again.`,
    exitCode: EXIT.waiting,
  }
}

const describeStoppingRun = (run: string) =>
  `Run ${run} is being cancelled; it ends when its running tasks have stopped.`

/** Cancels a run. */
async function cancelRunByName(wanted: string, options: GlobalOptions): Promise<Result> {
  await using control = await openControl(options, undefined)
  const { run, status } = await control.cancel({ run: wanted })
  return {
    data: { run, status },
    text: status === 'running' ? describeStoppingRun(run) : `Cancelled ${run}.`,
  }
}

/**
 * Counts a task as succeeded though its target was not made. In an open run it ends at once; after a run has ended,
 * the next run of the same request goes on from there.
 */
async function markTaskByName(
  project: Project,
  { outcome, ...wanted }: { run: string; task: string; outcome: string },
  options: RunOptions,
): Promise<Result> {
  requireSucceeded(outcome)
  await using control = await openControl(options, project)
  const follower = makeRunFollower(control, options)
  const result = await control.mark(wanted)
  if ('status' in result && result.status === 'succeeded')
    return { data: result, text: `Marked ${result.task}.` }
  return await follower.followStarted(result)
}

/** Stops the schedule of a pipeline. */
export async function pausePipeline(
  project: Project,
  pipeline: string,
  options: GlobalOptions,
): Promise<Result> {
  await using control = await openControl(options, project)
  return {
    data: await control.pause({ pipeline }),
    text: `The schedule of ${pipeline} is paused; runs that are open go on.`,
  }
}

/** Lets the schedule of a pipeline start runs. */
export async function resumePipeline(
  project: Project,
  pipeline: string,
  options: GlobalOptions,
): Promise<Result> {
  await using control = await openControl(options, project)
  return {
    data: await control.resume({ pipeline }),
    text: `The schedule of ${pipeline} starts runs ${control.isHosted ? 'again' : 'while sluice dev is running'}.`,
  }
}
