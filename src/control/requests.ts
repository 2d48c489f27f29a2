import { describeInterval, type Interval, makeScheduleIntervals, type Span } from '../core/calendar.ts'
import { readErrorMessage, SluiceError } from '../core/errors.ts'
import type { FoundTask } from '../core/graph.ts'
import { formatTaskLabel } from '../core/identity.ts'
import type { Params } from '../core/json.ts'
import type { Plan } from '../core/plan.ts'
import { makeActor } from '../core/records/actor.ts'
import type { OpenInterval } from '../core/records/run.ts'
import { LUIGI_COMMAND, parseLuigiCommandParams } from '../define/luigi-command.ts'
import { parseTaskParams, pickSignificantParams } from '../define/params.ts'
import type { Pipeline } from '../define/pipeline.ts'
import type { Schedule } from '../define/schedule.ts'
import { formatShownName, suggestName } from '../define/suggestion.ts'
import { instantiateTask, type TaskDefinition, type TaskInstance } from '../define/task.ts'
import { type Adjustment, adjustDefinitions, findForcedTasks } from '../engine/adjust-plan.ts'
import { findOpenRun, joinOrOpenRun, type RunRequest } from '../engine/open-run.ts'
import { planTaskGraph } from '../engine/plan-graph.ts'
import { findLuigiProgram } from '../planning/luigi/luigi-program.ts'
import { findPlanProblems, recordPlanOutputs } from '../planning/output-problems.ts'
import type { ReadPlan } from '../planning/plan-from-file.ts'
import { requirePlanSecrets } from '../planning/plan-secrets.ts'
import { makePlanningDefinitions } from '../planning/planning.ts'
import { describeBrokenModule } from '../project/check-definitions.ts'
import type { Project } from '../project/load-config.ts'
import type { Home } from './home.ts'

/** What NAME means: a pipeline's root, or a task family. */
export interface Root {
  name: string
  definition: TaskDefinition
  pipeline?: Pipeline
}

/** A request, and how it is planned. */
export interface PlannableRequest {
  /** What a person calls it. */
  label: string
  request: RunRequest
  plan(home: Home): Promise<Plan>
  /** Absent for plans from elsewhere. */
  root?: TaskInstance
  /** Its parameters before they were parsed, if they still are to be parsed elsewhere. */
  given?: unknown
}

/** Finds a pipeline or task family; suggests the nearest name. */
export function findRequestRoot(project: Project, name: string): Root {
  const pipeline = project.pipelines.get(name)
  const definition = pipeline?.root ?? project.tasks.get(name)
  if (definition !== undefined) {
    refuseWrong(name, definition)
    return { name, definition, ...(pipeline === undefined ? {} : { pipeline }) }
  }
  const names = [...project.pipelines.keys(), ...project.tasks.keys()]
  const broken = project.broken.map(describeBrokenModule)
  throw new SluiceError(
    'unknown_name',
    [`No pipeline or task is called ${formatShownName(name)}.${suggestName(name, names)}`, ...broken].join(
      '\n',
    ),
    { hint: `There are: ${names.join(', ') || 'none'}.` },
  )
}

function refuseWrong(name: string, { wrong = [] }: TaskDefinition): void {
  if (wrong.length > 0)
    throw new SluiceError('invalid_definition', `${name} cannot run:\n- ${wrong.join('\n- ')}`, {
      hint: 'Correct the definition; nothing was started.',
    })
}

/** Finds a pipeline that has a schedule. */
export function findScheduledPipeline(project: Project, name: string): Pipeline & { schedule: Schedule } {
  const { pipeline } = findRequestRoot(project, name)
  if (pipeline?.schedule !== undefined) return { ...pipeline, schedule: pipeline.schedule }
  const names = [...project.pipelines.values()].flatMap((each) => (each.schedule ? [each.name] : []))
  throw new SluiceError('invalid_usage', `${name} has no schedule.`, {
    hint: `Pipelines with one: ${names.join(', ') || 'none'}. Give it one: pipeline(name, Root, { schedule: daily() }).`,
  })
}

/** What is asked for with parameters as they were given. */
export function makeCheckedRequest(root: Root, given: unknown): PlannableRequest {
  const { family, fields } = root.definition
  return { ...makeRequest(root, parseTaskParams(family, fields, given)), given }
}

/** What is asked for with parameters that were parsed before. */
export function makeRequest({ name, definition }: Root, params: Params): PlannableRequest {
  const significant = pickSignificantParams(definition.fields, params)
  const root = instantiateTask(definition, params)
  return {
    root,
    label: definition === LUIGI_COMMAND ? nameLuigiRoot(params) : root.label,
    request: { name, family: definition.family, params, significant },
    plan: (home) => makePlan(home, name, root, {}),
  }
}

/** The run of an interval of a pipeline; what was given goes before what the interval says. */
export function makeIntervalRequest(
  pipeline: Pipeline,
  span: Span,
  given: Record<string, unknown> = {},
): PlannableRequest {
  const interval = describeInterval(span, pipeline.schedule?.timeZone ?? 'UTC')
  const params = { ...makeIntervalParams(pipeline, interval), ...given }
  const asked = makeCheckedRequest({ name: pipeline.name, definition: pipeline.root }, params)
  return { ...asked, request: { ...asked.request, interval: span } }
}

/** The run of an interval as the schedule of its pipeline asks for it. */
export function makeScheduledRequest(
  pipeline: Pipeline,
  { start, end, lastRun }: OpenInterval,
): PlannableRequest {
  const asked = makeIntervalRequest(pipeline, { start, end })
  const schedule = lastRun === undefined ? {} : { lastRun }
  return { ...asked, request: { ...asked.request, schedule, by: makeActor('schedule', pipeline.name) } }
}

function makeIntervalParams({ name, params }: Pipeline, interval: Interval): object {
  try {
    return (params?.(interval) as object | undefined) ?? {}
  } catch (error) {
    throw new SluiceError(
      'invalid_parameter',
      `params of the pipeline ${name} threw: ${readErrorMessage(error)}`,
      {
        cause: error,
      },
    )
  }
}

/** Why a schedule cannot start runs: neither for the interval that has ended last nor for the next one. */
export function findStartProblem(pipeline: Pipeline, now: number): string | undefined {
  if (pipeline.schedule === undefined) return undefined
  const intervals = makeScheduleIntervals(pipeline.schedule)
  const last = intervals.endedBefore(now)
  const problems = [last, intervals.after(last)].map((span) => {
    try {
      refuseWrong(pipeline.name, pipeline.root)
      makeIntervalRequest(pipeline, span)
      return undefined
    } catch (error) {
      return readErrorMessage(error)
    }
  })
  return problems.includes(undefined) ? undefined : problems.at(-1)
}

/** The same, but the root (`true`) or a task and what is downstream of it runs again. */
export function forceRequest(asked: PlannableRequest, what: true | string): PlannableRequest {
  const { root, request } = asked
  if (root === undefined)
    throw new SluiceError(
      'invalid_usage',
      '--force is for tasks of the config, not for a plan from elsewhere.',
      {
        hint: 'Remove the outputs that are to be made again, then run the plan.',
      },
    )
  if (root.definition.luigi !== undefined)
    throw new SluiceError(
      'invalid_usage',
      '--force is not for tasks of Luigi: their own complete() decides.',
      {
        hint: 'Remove the outputs that are to be made again, then run the same command.',
      },
    )
  return {
    ...asked,
    request: { ...request, forced: what === true ? 'root' : what },
    plan: async (home) => {
      const definitions = makePlanningDefinitions(home.surroundings)
      const ids =
        what === true
          ? new Set([root.id])
          : await findForcedTasks(root, definitions, what, home.definitions.limits.plans)
      return makePlan(home, request.name, root, { forced: ids })
    },
  }
}

/** Most plans are of the config, and what reads the others takes a while to load. */
export const loadForeignPlanning = () => import('../planning/plan-from-file.ts')

/** A plan that was made elsewhere. */
export function makePlanRequest(read: ReadPlan): PlannableRequest {
  const { pipeline } = read.file.header
  const params = { plan: read.digest }
  return {
    label: `the plan ${pipeline}`,
    request: { name: pipeline, family: PLAN_FAMILY, params, significant: params },
    plan: async (home) => {
      const { planFromFile } = await loadForeignPlanning()
      return planFromFile(home, read)
    },
  }
}

/** The family of runs whose plan was made elsewhere. */
export const PLAN_FAMILY = 'plan'

function nameLuigiRoot(given: Params): string {
  const { task, params } = parseLuigiCommandParams(given)
  return formatTaskLabel(task, params)
}

/** Plans a root; adjusted, as if some targets were there or not. */
export async function makePlan(
  home: Home,
  name: string,
  root: TaskInstance,
  adjustment: Adjustment,
): Promise<Plan> {
  const luigi = findLuigiProgram(root)
  if (luigi !== undefined) {
    // Few runs are of Luigi, and what asks its tasks need not be loaded for all others.
    const { planLuigiTasks } = await import('../planning/luigi/plan-luigi.ts')
    return planLuigiTasks(home, name, luigi, adjustment)
  }
  const definitions = {
    ...adjustDefinitions(makePlanningDefinitions(home.surroundings), adjustment),
    outputProblems: (found: FoundTask[]) => findPlanProblems(home.definitions, found),
  }
  return planTaskGraph(
    name,
    root,
    definitions,
    home.context.ports.clock.steady(),
    home.definitions.limits.plans,
  )
}

/** The plan of a run that is about to be opened: its secrets are set, and the makers of its outputs are recorded. */
export async function planOpeningRun(home: Home, asked: PlannableRequest): Promise<Plan> {
  const plan = await asked.plan(home)
  await requirePlanSecrets(plan, home.secrets)
  await home.requireRunnable(plan)
  await recordPlanOutputs(home.definitions, plan)
  return plan
}

/** The run that was opened or joined; undefined if everything is complete and no run is open. */
export async function joinOrStartRun(
  home: Home,
  asked: PlannableRequest,
): Promise<{ run: string; opened: boolean } | undefined> {
  const { context } = home
  if ((await findOpenRun(context, asked.request)) !== undefined)
    return joinOrOpenRun(context, asked.request, () => planOpeningRun(home, asked))
  let plan: Plan | undefined = await asked.plan(home)
  if (plan.tasks[plan.header.root]?.complete) return undefined
  await requirePlanSecrets(plan, home.secrets)
  await home.requireRunnable(plan)
  return joinOrOpenRun(context, asked.request, async () => {
    const made = plan ?? (await asked.plan(home))
    plan = undefined
    await recordPlanOutputs(home.definitions, made)
    return made
  })
}
