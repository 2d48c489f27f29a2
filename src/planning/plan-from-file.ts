import { createHash } from 'node:crypto'
import { SluiceError } from '../core/errors.ts'
import { type FoundTask, makeGatheringTask, numberPlanTasks } from '../core/graph.ts'
import { NO_PLAN_BOUNDS } from '../core/limits.ts'
import { mustHave } from '../core/must-have.ts'
import type { Plan, PlannedTask } from '../core/plan.ts'
import type { Context } from '../engine/context.ts'
import { findRequiredTasks } from '../engine/plan-graph.ts'
import { findOutputProblems } from './output-problems.ts'
import { type PlanFile, parsePlanFile, refusePlanProblems } from './plan-format.ts'
import {
  type ForeignTask,
  findCompleteIds,
  makeForeignTasks,
  type PlanSurroundings,
  toFoundTask,
} from './plan-tasks.ts'

/** A plan that was read from a file, and where its commands run. */
export interface ReadPlan {
  file: PlanFile
  folder: string
  /** Tells this plan from others of the same name. */
  digest: string
}

/** What a plan from elsewhere is read with: the definitions and limits of this process, and the plans of earlier runs. */
interface PlanHome {
  context: Pick<Context, 'ports'>
  definitions: Omit<PlanSurroundings, 'folder'>
}

/** Reads a plan from its text; its commands run in the folder. */
export function readPlanText(text: string, folder: string): ReadPlan {
  const digest = createHash('sha256').update(text).digest('hex').slice(0, 16)
  return { file: parsePlanFile(text), folder, digest }
}

/** The plan of a file: its tasks as they are on this machine, with what is complete. */
export async function planFromFile(home: PlanHome, { file, folder }: ReadPlan): Promise<Plan> {
  const plannedAt = home.context.ports.clock.steady()
  const tasks = makeForeignTasks(file, { ...home.definitions, folder })
  const { root } = file.header
  return planForeign(
    home,
    file.header.pipeline,
    [...tasks.values()],
    root && tasks.get(root)?.found.id,
    plannedAt,
  )
}

/** The same tasks planned again, from what is complete now; or some of them, by their ids, with what they need. */
export async function planRunAgain(
  home: PlanHome,
  run: string,
  name: string,
  done: ReadonlySet<string> = new Set(),
  only?: readonly string[],
): Promise<Plan> {
  const { plans, clock } = home.context.ports
  const header = await plans.header(run)
  if (header === undefined) throw new SluiceError('internal', `the plan of ${run} has gone`)
  const plannedAt = clock.steady()
  const planned = await plans.tasks(
    run,
    Array.from({ length: header.size }, (_, number) => number),
  )
  const real = planned.filter((task) => !task.join)
  const foreign = real.map((task) => ({ found: toFound(task, planned), isDone: done.has(task.id) }))
  const root = planned[header.root]
  const rootId = root?.join || only !== undefined ? undefined : root?.id
  return planForeign(home, name, foreign, rootId, plannedAt, only)
}

function toFound(task: PlannedTask, planned: PlannedTask[]): FoundTask {
  const upstreamIds = (numbers: number[]): string[] =>
    numbers.flatMap((number) => {
      const upstream = mustHave(planned[number], `task ${number}`)
      return upstream.join ? upstreamIds(upstream.upstreams) : [upstream.id]
    })
  const { id, family, params, label, outputs, policy, command, container } = task
  const upstreams = upstreamIds(task.upstreams)
  return {
    id,
    family,
    params,
    label,
    outputs,
    policy,
    upstreams,
    ...(command === undefined ? {} : { command }),
    ...(container === undefined ? {} : { container }),
  }
}

type Foreign = Pick<ForeignTask, 'found' | 'isDone'>

async function planForeign(
  home: PlanHome,
  name: string,
  tasks: Foreign[],
  root: string | undefined,
  plannedAt: number,
  only?: readonly string[],
): Promise<Plan> {
  const wanted = tasks.map(({ found }) => found)
  refusePlanProblems(await findOutputProblems(home.definitions, wanted, name))
  const complete = await findCompleteIds(home.definitions.completeness, tasks)
  const byId = new Map(tasks.map((task) => [task.found.id, task]))
  const ends = only?.filter((id) => !complete.has(id)) ?? findEndTasks(tasks, complete)
  const roots = root === undefined ? ends : [root]
  const found = await findRequiredTasks(
    roots.map((id) => ({ id })),
    {
      areComplete: async (level) => level.map(({ id }) => complete.has(id)),
      describe: ({ id }) => {
        const each = toFoundTask(mustHave(byId.get(id), id), complete)
        return { found: each, upstreams: each.upstreams.map((upstream) => ({ id: upstream })) }
      },
    },
    NO_PLAN_BOUNDS,
  )
  if (root !== undefined) return numberPlanTasks(name, found, plannedAt)
  const all = makeGatheringTask(`${name}/all`, `all of ${name}`, roots)
  return numberPlanTasks(name, [roots.length === 0 ? { ...all, complete: true } : all, ...found], plannedAt)
}

/** Without a root everything must complete: what is missing and needed by nothing that is missing. */
function findEndTasks(tasks: Foreign[], complete: Set<string>): string[] {
  const missing = tasks.filter(({ found }) => !complete.has(found.id))
  const needed = new Set(missing.flatMap(({ found }) => found.upstreams))
  return missing.map(({ found }) => found.id).filter((id) => !needed.has(id))
}
