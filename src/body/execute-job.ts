import type { BodyJob } from '../body/body-job.ts'
import { mustHave } from '../core/must-have.ts'
import type { BodyEnd, TaskName } from '../core/ports.ts'
import { instantiate, type TaskDefinition, type TaskInstance } from '../define/task.ts'
import { type Execution, execute } from './execute.ts'
import { failureOfBody } from './failure.ts'

/** What a job is run with, wherever it runs. */
export type JobSurroundings = Pick<
  Execution,
  'surroundings' | 'log' | 'signal' | 'onProgress' | 'mayPublish' | 'reserve' | 'block'
>

/** Runs the body of a job with the definitions of this process. Never throws for what user code does. */
export async function executeJob(
  tasks: ReadonlyMap<string, TaskDefinition>,
  job: BodyJob,
  surroundings: JobSurroundings,
): Promise<BodyEnd> {
  try {
    return await execute({ ...executionOf(tasks, job), ...surroundings })
  } catch (error) {
    return { outcome: 'failed', failure: failureOfBody(error) }
  }
}

function executionOf(tasks: ReadonlyMap<string, TaskDefinition>, job: BodyJob) {
  const upstreams = new Map(job.upstreams.map((each) => [each.number, instanceOf(tasks, each)]))
  const { run, attempt, writer, secrets, requires, budgets, dependencies, checkpoint, replaces } = job
  return {
    run,
    task: instanceOf(tasks, job),
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
export function instanceOf(
  tasks: ReadonlyMap<string, TaskDefinition>,
  { family, params }: TaskName,
): TaskInstance {
  const definition = tasks.get(family)
  if (definition === undefined) throw new Error(`the config no longer defines the task ${family}`)
  return instantiate(definition, params)
}
