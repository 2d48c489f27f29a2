import { SluiceError } from '../../core/errors.ts'
import type { Project } from '../../project/load-config.ts'
import { askForConfirmation } from '../ask.ts'
import { EXIT } from '../exit.ts'
import { makeRunFollower, type RunOptions } from '../follow.ts'
import { openControl } from '../open-control.ts'
import type { GlobalOptions, Result } from '../options.ts'

/** Flags of `sluice retry`. */
export interface RetryOptions extends RunOptions {
  task?: string
  yes?: true
}

/**
 * Opens the next run of a request, planned from what is complete; with a task, a run of that task alone. What still runs
 * in an open run in which something failed is stopped only if the user says so.
 */
export async function retryRunByName(project: Project, run: string, options: RetryOptions): Promise<Result> {
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
export async function cancelRunByName(wanted: string, options: GlobalOptions): Promise<Result> {
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
export async function markTaskByName(
  project: Project,
  { outcome, ...wanted }: { run: string; task: string; outcome: string },
  options: RunOptions,
): Promise<Result> {
  if (outcome !== 'succeeded')
    throw new SluiceError('invalid_usage', `A task can be marked as succeeded, not as ${outcome}.`)
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
