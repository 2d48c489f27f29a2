import type { ChildJob } from '../adapters/process/protocol.ts'
import type { Json } from '../core/model.ts'
import { type Execution, execute } from '../define/execute.ts'
import { instantiate, type TaskDefinition, type TaskInstance } from '../define/task.ts'

/** What a job is run with, wherever it runs. */
export type JobSurroundings = Pick<Execution, 'surroundings' | 'log' | 'signal' | 'onProgress' | 'mayPublish'>

/** Runs the body of a job with the definitions of this process. Throws what the body throws. */
export async function executeJob(
  tasks: ReadonlyMap<string, TaskDefinition>,
  job: ChildJob,
  surroundings: JobSurroundings,
): Promise<Json> {
  const instanceOf = ({ family, params }: Pick<ChildJob, 'family' | 'params'>): TaskInstance => {
    const definition = tasks.get(family)
    if (definition === undefined) throw new Error(`the config no longer defines the task ${family}`)
    return instantiate(definition, params)
  }
  const upstreams = new Map(job.upstreams.map((each) => [each.number, instanceOf(each)]))
  const { run, attempt, writer, secrets, requires } = job
  return execute({
    run,
    task: instanceOf(job),
    attempt,
    writer,
    secrets,
    ...(requires === undefined ? {} : { requires }),
    upstream: (number) => upstreams.get(number) as TaskInstance,
    ...surroundings,
  })
}
