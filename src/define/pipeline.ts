import type { Task, TaskDefinition } from './task.ts'

/** A named root task. */
export interface Pipeline {
  readonly name: string
  readonly root: TaskDefinition
  readonly description?: string
  readonly problems: string[]
}

/** What else can be said of a pipeline. */
export interface PipelineOptions {
  /** One sentence for `sluice pipelines`. */
  description?: string
}

const NAME = /^[a-z][a-z0-9-]{0,49}$/

/** Gives a root task a name by which it is run; its parameters are the root's. */
export function pipeline(
  name: string,
  // biome-ignore lint/suspicious/noExplicitAny: any family can be a root, whatever its types
  root: Task<any, any>,
  options: PipelineOptions = {},
): Pipeline {
  const problems: string[] = []
  if (!NAME.test(name))
    problems.push(
      `pipeline ${JSON.stringify(name)}: a name is a lower-case letter, then up to 49 lower-case letters, digits or hyphens`,
    )
  if (root?.definition === undefined)
    problems.push(`pipeline ${JSON.stringify(name)}: its root must be a task family, as task() returns it`)
  return { name, root: root?.definition, problems, ...options }
}

/** Whether a module's export is a pipeline. */
export function isPipeline(value: unknown): value is Pipeline {
  return typeof value === 'object' && value !== null && 'root' in value && 'problems' in value
}
