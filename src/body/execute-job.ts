import type { BodyJob } from '../body/body-job.ts'
import { mustHave } from '../core/must-have.ts'
import type { BodyEnd, TaskName } from '../core/ports/working.ts'
import { instantiateTask, type TaskDefinition, type TaskInstance } from '../define/task.ts'
import { type Execution, executeBody } from './execute.ts'
import { makeBodyFailure } from './failure.ts'

/** What a job is run with, wherever it runs. */
export type JobSurroundings = Pick<
  Execution,
  'surroundings' | 'log' | 'getSignal' | 'onProgress' | 'mayPublish' | 'reserve' | 'block'
>

/** Runs the body of a job with the definitions of this process. Never throws for what user code does. */
export async function executeBodyJob(
  tasks: ReadonlyMap<string, TaskDefinition>,
  job: BodyJob,
  surroundings: JobSurroundings,
): Promise<BodyEnd> {
  try {
    return await executeBody({ ...makeExecution(tasks, job), ...surroundings })
  } catch (error) {
    return { outcome: 'failed', failure: makeBodyFailure(error) }
  }
}

function makeExecution(tasks: ReadonlyMap<string, TaskDefinition>, job: BodyJob) {
  const upstreams = new Map(job.upstreams.map((each) => [each.number, instantiateNamedTask(tasks, each)]))
  const { run, attempt, writer, secrets, requires, budgets, dependencies, checkpoint, replaces } = job
  return {
    run,
    task: instantiateNamedTask(tasks, job),
    attempt,
    writer,
    secrets,
    budgets,
    dependencies: new Set(dependencies),
    ...(checkpoint === undefined ? {} : { checkpoint }),
    ...(requires === undefined ? {} : { requires }),
    ...(replaces === undefined ? {} : { replaces }),
    upstream: (number: number) => mustHave(upstreams.get(number), `upstream ${number}`),
  }
}

/** The task of a name as this process defines it. */
export function instantiateNamedTask(
  tasks: ReadonlyMap<string, TaskDefinition>,
  { family, params }: TaskName,
): TaskInstance {
  const definition = tasks.get(family)
  if (definition === undefined) throw new Error(`the config no longer defines the task ${family}`)
  return instantiateTask(definition, params)
}
