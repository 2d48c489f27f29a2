import type { PlannedJob } from '../core/plan.ts'
import { isCommand } from '../define/container.ts'
import { type EmrDefinition, findModeProblems, isText } from '../define/emr.ts'
import { mapRequires, type Requires } from '../define/requires.ts'
import { FolderTarget } from '../define/targets/folder.ts'
import { StorageTarget } from '../define/targets/storage-target.ts'
import { listOutputTargets, type Output, type Target } from '../define/targets/target.ts'
import type { TaskInstance } from '../define/task.ts'
import { locate, mapTargets } from './describe-container.ts'

/*
 * A job of EMR as the plan carries it. It is made here, while planning, because URIs follow from the targets alone; so no code of the
 * user's has to run where the job is launched.
 */

/** The job of a task, for its service. Throws what its function throws, and if nothing could tell that its output is whole. */
export function describeJob(
  task: TaskInstance,
  { job, service }: EmrDefinition,
  requires: Requires | undefined,
  outputOf: (task: TaskInstance) => Output,
): PlannedJob {
  const toUri = (target: Target) => ({ uri: locate(target) })
  const input =
    requires === undefined
      ? undefined
      : mapRequires(requires, (upstream) => mapTargets(outputOf(upstream), toUri))
  const own = outputOf(task)
  const hasOutput = task.definition.output !== undefined
  if (hasOutput) for (const target of listOutputTargets(own)) requireOwnMarker(target)
  const output = hasOutput ? mapTargets(own, toUri) : undefined
  return checkJob(job({ params: task.params, input, output } as never), service)
}

/** No process of ours is there when the program ends, so the program itself has to leave what says that its output is whole. */
function requireOwnMarker(target: Target): void {
  if (!(target instanceof StorageTarget))
    throw new TypeError(
      `the target ${target.uri} is no file or folder of the storage, which a job of EMR writes`,
    )
  if (target instanceof FolderTarget && target.marker.by === 'sluice')
    throw new TypeError(
      `nothing tells when the folder ${target.folder} is whole; name the file that the program writes last: folder('${target.folder}', { marker: '_SUCCESS' })`,
    )
}

/** What the user's function has returned, if it is a job. */
function checkJob(made: unknown, service: EmrDefinition['service']): PlannedJob {
  const { script, arguments: args, pyFiles, spark, ...rest } = Object(made) as { [name: string]: unknown }
  const others = Object.keys(rest)
  const problems = [
    ...(isText(script) ? [] : ["script must be a path such as 'spark/clicks.py', or a URI"]),
    ...(args === undefined || isTexts(args) ? [] : ['arguments must be texts']),
    ...(pyFiles === undefined || isTexts(pyFiles) ? [] : ['pyFiles must be paths']),
    ...(spark === undefined || isTexts(Object.values(Object(spark)))
      ? []
      : ["spark must be settings such as { 'spark.executor.memory': '4g' }, with texts as values"]),
    ...(service === 'emr-step' ? findModeProblems({ spark: Object(spark) }) : []),
    ...(others.length === 0
      ? []
      : [`there is no ${others.join(', ')}; there are script, arguments, pyFiles, spark`]),
  ]
  if (problems.length > 0) throw new TypeError(problems.join('; '))
  return made as PlannedJob
}

const isTexts = (value: unknown): boolean => Array.isArray(value) && (value.length === 0 || isCommand(value))
