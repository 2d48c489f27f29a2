import type { Storage } from '../core/ports/working.ts'
import { CollectionTarget } from '../define/targets/collection.ts'
import { type Markers, MarkerTarget } from '../define/targets/marker.ts'
import { StorageTarget, type Workspace } from '../define/targets/storage-target.ts'
import { isTarget, type Output, type Target } from '../define/targets/target.ts'
import type { TaskInstance } from '../define/task.ts'

/** What definitions are looked at with. */
export interface Surroundings {
  storage: Storage
  markers: Markers
  /** Jobs run at their services. Absent: by their `local`. */
  runsJobs?: true
  /** Of tasks whose targets are there, the ids of those whose targets prove nothing. Absent: all are believed. */
  findUnproven?: (tasks: { id: string; outputs: readonly string[] }[]) => Promise<ReadonlySet<string>>
}

/** The output of a task with its targets bound; a marker if the definition has none. Throws what `output` throws. */
export function bindTaskOutput(task: TaskInstance, surroundings: Surroundings, workspace: Workspace): Output {
  const output = task.definition.output?.(task.params as never)
  if (output === undefined) return new MarkerTarget(task.id, surroundings.markers)
  if (isTarget(output)) return bindTarget(output, workspace)
  const targets = Object.entries(output)
  if (targets.length === 0 || !targets.every(([, target]) => isTarget(target)))
    throw new TypeError(`output of ${task.label} must return a target or a record of targets`)
  return Object.fromEntries(targets.map(([name, target]) => [name, bindTarget(target, workspace)]))
}

function bindTarget(target: Target, workspace: Workspace): Target {
  if (target instanceof StorageTarget || target instanceof CollectionTarget) return target.in(workspace)
  return target.within?.(workspace.storage) ?? target
}
