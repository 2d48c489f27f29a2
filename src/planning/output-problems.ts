import { existsSync } from 'node:fs'
import type { Surroundings } from '../body/outputs.ts'
import { SluiceError } from '../core/errors.ts'
import type { FoundTask } from '../core/graph.ts'
import { formatTaskLabel } from '../core/identity.ts'
import type { Params } from '../core/json.ts'
import type { Plan, PlannedTask } from '../core/plan.ts'
import type { Store } from '../core/ports/deciding.ts'
import type { Maker } from '../core/records/task-run.ts'
import type { Fields } from '../define/params.ts'
import { isJsonValue } from '../define/params.ts'
import { instantiateTask, type TaskDefinition } from '../define/task.ts'
import { type Conflict, findMakerConflicts, type Making, recordTargetMakers } from '../engine/makers.ts'
import { parseFileUri } from './file-uris.ts'
import { findMissingParameters } from './other-values.ts'
import { makePlanningDefinitions } from './planning.ts'

/** What outputs are checked with. */
export interface OutputSurroundings {
  tasks: ReadonlyMap<string, TaskDefinition>
  surroundings: Surroundings
  store: Store
}

type TaskWithOutputs = Pick<
  FoundTask,
  'id' | 'family' | 'params' | 'label' | 'outputs' | 'command' | 'policy' | 'failure'
>

/**
 * What is wrong with the outputs of tasks that were found while planning, a sentence each: a path that lacks a
 * significant parameter, a target that another task makes. `plan` is the pipeline of a plan from elsewhere.
 */
export async function findOutputProblems(
  given: OutputSurroundings,
  found: readonly TaskWithOutputs[],
  plan?: string,
): Promise<string[]> {
  const conflicts = await findConflicts(given, found, plan)
  return [...findPathProblems(given, found), ...conflicts.map(describeConflict)]
}

const findConflicts = (given: OutputSurroundings, found: readonly TaskWithOutputs[], plan?: string) =>
  findMakerConflicts(given.store, listMakings(found, plan), standsIn(given))

/**
 * The same of a plan that may be opened: the makers of what is not complete are read only if something else is wrong, to
 * tell everything in one message. Who opens the plan records them, and who only shows it calls {@link refuseOtherMakers}.
 */
export async function findPlanProblems(
  given: OutputSurroundings,
  found: readonly (TaskWithOutputs & { complete?: true })[],
): Promise<string[]> {
  const complete = found.filter((task) => task.complete)
  const isRight =
    findPathProblems(given, found).length === 0 && (await findConflicts(given, complete)).length === 0
  return isRight ? [] : findOutputProblems(given, found)
}

/** Throws if another task makes what a plan is about to make. Writes nothing. */
export async function refuseOtherMakers(given: OutputSurroundings, { header, tasks }: Plan): Promise<void> {
  refuseConflicts(await findConflicts(given, listOpenTasks(tasks), header.name))
}

const listOpenTasks = (tasks: PlannedTask[]) => tasks.filter(({ complete, join }) => !complete && !join)

/** Notes who makes what a plan is about to make; throws if another task makes it. */
export async function recordPlanOutputs(given: OutputSurroundings, { header, tasks }: Plan): Promise<void> {
  await recordFound(given, listOpenTasks(tasks), header.name)
}

/** The same for tasks that were yielded; throws one error with everything that is wrong with their outputs. */
export async function recordYieldOutputs(
  given: OutputSurroundings,
  found: readonly (TaskWithOutputs & { complete?: true })[],
  plan?: string,
): Promise<void> {
  const problems = await findOutputProblems(given, found, plan)
  if (problems.length > 0)
    throw new SluiceError('invalid_plan', `what was yielded cannot run: ${problems.join('; ')}`)
  await recordFound(
    given,
    found.filter(({ complete }) => !complete),
    plan,
  )
}

async function recordFound(
  given: OutputSurroundings,
  found: readonly TaskWithOutputs[],
  plan: string | undefined,
): Promise<void> {
  refuseConflicts(await recordTargetMakers(given.store, listMakings(found, plan), standsIn(given)))
}

function refuseConflicts(conflicts: readonly Conflict[]): void {
  if (conflicts.length > 0)
    throw new SluiceError(
      'invalid_plan',
      `Nothing was started.\n- ${conflicts.map(describeConflict).join('\n- ')}`,
    )
}

/** Targets with their makers; the target of an external task has none. */
function listMakings(found: readonly TaskWithOutputs[], plan: string | undefined): Making[] {
  const makings: Making[] = []
  for (const task of found) {
    if (task.policy.external || task.failure !== undefined) continue
    const isCommandOfPlan = plan !== undefined && task.command !== undefined
    for (const uri of task.outputs) makings.push(isCommandOfPlan ? { uri, task, plan } : { uri, task })
  }
  return makings
}

const describeConflict = ({ maker, making }: Conflict) =>
  `${formatMakerName(maker.label ?? formatTaskLabel(maker.family, maker.params), maker.plan)} and ${formatMakerName(making.task.label, making.plan)} have the same output ${making.uri}; the first has been planned before`

const formatMakerName = (label: string, plan: string | undefined) =>
  plan === undefined ? label : `${label} of the plan ${plan}`

/** Each family is tried once, with the first of its tasks. */
function findPathProblems(
  { tasks, surroundings }: OutputSurroundings,
  found: readonly TaskWithOutputs[],
): string[] {
  const urisOf = makePlanningDefinitions(surroundings).outputsOf
  const seen = new Set<string>()
  return found.flatMap(({ family, params, outputs, command, policy }) => {
    const definition = tasks.get(family)
    const isMade = outputs.length > 0 && command === undefined && !policy.external
    if (definition === undefined || !isMade || seen.has(family)) return []
    seen.add(family)
    return findMissingParameters(instantiateTask(definition, params), urisOf).map(
      ({ parameter, uri }) =>
        `the output of ${family} is ${uri} whatever the parameter ${parameter} is: put ${parameter} into its path, or keep it out of the identity with insignificant(…)`,
    )
  })
}

/** Whether a maker still makes its target by what is defined now. */
const standsIn =
  ({ tasks, surroundings }: OutputSurroundings) =>
  (maker: Maker, making: Making): boolean => {
    // A newer version of a plan says which of its commands makes a target.
    if (maker.plan !== undefined) return maker.plan !== making.plan && doesFileExist(making.uri)
    const definition = tasks.get(maker.family)
    const params = definition && withDefaults(definition.fields, maker.params)
    if (definition === undefined || params === undefined) return false
    const task = instantiateTask(definition, params)
    return (
      task.id !== making.task.id && makePlanningDefinitions(surroundings).outputsOf(task).includes(making.uri)
    )
  }

const doesFileExist = (uri: string) => uri.startsWith('file:') && existsSync(parseFileUri(uri))

/** Parameters that were kept, as the definition of now names them; undefined if one is new and has no default. */
function withDefaults(fields: Fields, kept: Params): Params | undefined {
  const params: Params = {}
  for (const [name, field] of Object.entries(fields)) {
    const value = kept[name]
    if (value !== undefined) params[name] = value
    else {
      const result = field.safeParse(undefined)
      if (!result.success) return undefined
      if (result.data === undefined) continue
      if (!isJsonValue(result.data)) return undefined
      params[name] = result.data
    }
  }
  return params
}
