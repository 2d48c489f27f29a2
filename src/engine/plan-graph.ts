import { SluiceError } from '../core/errors.ts'
import { type FoundTask, findPlanCycle, makeGatheringTask, numberPlanTasks } from '../core/graph.ts'
import { PLAN_BOUNDS, type PlanBounds } from '../core/limits.ts'
import type { Plan } from '../core/plan.ts'

/** A task as a definition gives it, not yet looked at. */
export interface TaskReference {
  id: string
}

/** Ids that were found before, each by itself. */
export type KnownIds = ReadonlyMap<string, string>

/** What planning asks of definitions, level by level. */
export interface Definitions<T extends TaskReference> {
  /** Whether each task's target exists, asked in bulk; an exception in `output` makes it `false`. */
  areComplete(tasks: T[]): Promise<boolean[]>
  /**
   * The task and its upstreams; an exception of user code becomes the task's failure. `known` has the ids that were found before,
   * so that one string can stand for equal ones.
   */
  describe(task: T, complete: boolean, known: KnownIds): { found: FoundTask; upstreams: T[] }
  /** What is wrong with the outputs of all that was found, a sentence each. */
  outputProblems?(found: FoundTask[]): Promise<string[]>
}

/**
 * Walks breadth first from the root; a complete task is not descended into.
 * Refuses cycles and two tasks with one output, all problems in one message.
 */
export async function planTaskGraph<T extends TaskReference>(
  name: string,
  root: T,
  definitions: Definitions<T>,
  plannedAt: number,
  bounds?: PlanBounds,
): Promise<Plan> {
  const found = await findRequiredTasks([root], definitions, bounds)
  const problems = (await definitions.outputProblems?.(found)) ?? []
  const plan = numberPlanTasks(name, found, plannedAt)
  refuseProblems(plan, [...findSharedOutputs(found), ...problems])
  return plan
}

/** The same for several roots, gathered by a node without a body: what is missing of them, and what that needs. */
export async function planTaskGroup<T extends TaskReference>(
  name: string,
  { id, label, roots }: { id: string; label: string; roots: T[] },
  definitions: Definitions<T>,
  plannedAt: number,
  bounds?: PlanBounds,
): Promise<Plan> {
  const found = await findRequiredTasks(roots, definitions, bounds)
  const problems = (await definitions.outputProblems?.(found)) ?? []
  const wanted = new Set(roots.map((root) => root.id))
  const missing = found.filter((task) => wanted.has(task.id) && !task.complete).map((task) => task.id)
  const gathering = makeGatheringTask(id, label, missing)
  const all = missing.length === 0 ? { ...gathering, complete: true as const } : gathering
  const plan = numberPlanTasks(name, [all, ...found], plannedAt)
  refuseProblems(plan, [...findSharedOutputs(found), ...problems])
  return plan
}

/** Everything that is needed to make these tasks complete, themselves included, level by level. Throws beyond the bounds. */
export async function findRequiredTasks<T extends TaskReference>(
  roots: T[],
  definitions: Definitions<T>,
  { maxTasks, maxDepth }: PlanBounds = PLAN_BOUNDS,
): Promise<FoundTask[]> {
  const seen = new Map<string, string>()
  const first = roots.filter(({ id }) => !seen.has(id) && seen.set(id, id))
  const found: FoundTask[] = []
  for (let level = first, depth = 1; level.length > 0; depth++) {
    if (depth > maxDepth) throw makeEndlessPlanError(found, `more than ${maxDepth} tasks below each other`)
    const complete = await definitions.areComplete(level)
    const next: T[] = []
    level.forEach((task, index) => {
      const described = definitions.describe(task, complete[index] === true, seen)
      found.push(described.found)
      if (found.length > maxTasks) throw makeEndlessPlanError(found, `more than ${maxTasks} tasks`)
      for (const upstream of described.upstreams)
        if (!seen.has(upstream.id)) {
          seen.set(upstream.id, upstream.id)
          next.push(upstream)
        }
    })
    level = next
  }
  return found
}

/** Shows the way from the root to the task that was found last. */
function makeEndlessPlanError(found: FoundTask[], what: string): SluiceError {
  const requiredBy = new Map<string, FoundTask>()
  for (const task of found) for (const id of task.upstreams) if (!requiredBy.has(id)) requiredBy.set(id, task)
  const chain: string[] = []
  let task = found.at(-1)
  for (; task !== undefined && chain.length < found.length; task = requiredBy.get(task.id))
    chain.push(task.label)
  chain.reverse()
  const shown =
    chain.length <= 8 ? chain : [...chain.slice(0, 4), `… ${chain.length - 8} more …`, ...chain.slice(-4)]
  return new SluiceError(
    'invalid_plan',
    `Nothing was started: planning found ${what}: ${shown.join(' → ')}`,
    {
      hint: '`requires` has to come to an end. If so many tasks are meant, set `plans: { maxTasks, maxDepth }` in the config.',
    },
  )
}

function refuseProblems(plan: Plan, problems: string[]): void {
  const cycle = findPlanCycle(plan)
  if (cycle !== undefined) problems.push(`these tasks require each other: ${cycle.join(' → ')}`)
  if (problems.length === 0) return
  throw new SluiceError('invalid_plan', `Nothing was started.\n- ${problems.join('\n- ')}`, {
    hint: 'An output path has to contain every significant parameter, and `requires` must not lead back to its own task.',
  })
}

function findSharedOutputs(found: FoundTask[]): string[] {
  // Most outputs are one task's only, which a set shows with one look-up for each.
  const uris = found.flatMap(({ outputs }) => outputs)
  if (new Set(uris).size === uris.length) return []
  const owners = new Map<string, FoundTask>()
  const problems: string[] = []
  for (const task of found)
    for (const uri of task.outputs) {
      const owner = owners.get(uri)
      if (owner === undefined) owners.set(uri, task)
      else problems.push(`${owner.label} and ${task.label} have the same output ${uri}`)
    }
  return problems
}
