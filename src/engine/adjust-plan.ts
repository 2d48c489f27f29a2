import { SluiceError } from '../core/errors.ts'
import type { FoundTask } from '../core/graph.ts'
import type { PlanBounds } from '../core/limits.ts'
import { type Definitions, findRequiredTasks, type TaskReference } from './plan-graph.ts'

/** How a plan differs from what targets tell. */
export interface Adjustment {
  /** Ids of tasks that run although their targets are there. */
  forced?: ReadonlySet<string>
  /** Ids of tasks that count as complete although their targets are not there. */
  done?: ReadonlySet<string>
}

/** Definitions that answer as if it were so. */
export function adjustDefinitions<T extends TaskReference>(
  definitions: Definitions<T>,
  { forced = new Set(), done = new Set() }: Adjustment,
): Definitions<T> {
  if (forced.size === 0 && done.size === 0) return definitions
  return {
    async areComplete(tasks) {
      const answers = await definitions.areComplete(tasks)
      return tasks.map(({ id }, index) => !forced.has(id) && (done.has(id) || answers[index] === true))
    },
    describe(task, complete, known) {
      const described = definitions.describe(task, complete, known)
      if (!forced.has(task.id)) return described
      return { ...described, found: { ...described.found, forced: true } }
    },
  }
}

/** The tasks that match below a root, and everything downstream of them. Throws if none matches. */
export async function findForcedTasks<T extends TaskReference>(
  root: T,
  definitions: Definitions<T>,
  wanted: string,
  bounds?: PlanBounds,
): Promise<Set<string>> {
  const all = { ...definitions, areComplete: async (level: T[]) => level.map(() => false) }
  const found = await findRequiredTasks([root], all, bounds)
  const forced = new Set(found.filter((task) => matches(task, wanted)).map(({ id }) => id))
  if (forced.size === 0)
    throw new SluiceError('unknown_task', `Nothing below ${found[0]?.label} is called ${wanted}.`, {
      hint: `A task is named by family or Family(k=v,…); there are: ${[...new Set(found.map(({ family }) => family))].join(', ')}.`,
    })
  const downstream = new Map<string, string[]>()
  for (const { id, upstreams } of found) for (const upstream of upstreams) push(downstream, upstream, id)
  for (const id of forced) for (const next of downstream.get(id) ?? []) forced.add(next)
  return forced
}

const matches = ({ family, label }: FoundTask, wanted: string) => family === wanted || label === wanted

function push(lists: Map<string, string[]>, key: string, value: string): void {
  const list = lists.get(key)
  if (list === undefined) lists.set(key, [value])
  else list.push(value)
}
