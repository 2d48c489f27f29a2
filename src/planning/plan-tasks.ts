import { isAbsolute, join, relative, sep } from 'node:path'
import type { Surroundings } from '../body/outputs.ts'
import { readErrorMessage } from '../core/errors.ts'
import { type FoundTask, findDependencyCycle } from '../core/graph.ts'
import { escapeControlCharacters, makeTaskId } from '../core/identity.ts'
import { findLimitProblems, type Limits } from '../core/limits.ts'
import { mustHave } from '../core/must-have.ts'
import type { Policy } from '../core/plan.ts'
import type { Completeness, Store } from '../core/ports/deciding.ts'
import { groupByRepeatedKey } from '../core/repeated.ts'
import { findVariableProblems } from '../define/container.ts'
import { findImageProblems } from '../define/image.ts'
import { checkParsedParams } from '../define/params.ts'
import { SECRET_NAME } from '../define/secret.ts'
import { instantiateTask, type TaskDefinition } from '../define/task.ts'
import { formatFileUri, parseFileUri } from './file-uris.ts'
import { locateInContainer } from './locate-in-container.ts'
import type { StartInImage } from './luigi/ask-python.ts'
import type { ConfiguredFamilies } from './luigi/luigi-program.ts'
import { type PlanFile, type PlanLine, refusePlanProblems } from './plan-format.ts'
import { makePlanningDefinitions } from './planning.ts'

/** A task of a plan from elsewhere, checked, with its edges; not yet looked at. */
export interface ForeignTask {
  line: PlanLine
  found: FoundTask
  /** Counts as complete whatever its target says. */
  isDone?: boolean
}

/** What a plan from elsewhere is read with. */
export interface PlanSurroundings {
  tasks: ReadonlyMap<string, TaskDefinition>
  limits: Limits
  surroundings: Surroundings
  /** Where it is known who makes which target. */
  store: Store
  /** Where commands run. */
  folder: string
  storageFolder: string
  completeness: Completeness
  /** Asks tasks of Luigi that are in an image; absent if this process starts no containers. */
  startInImage?: StartInImage
  luigiFamilies?: ConfiguredFamilies['luigiFamilies']
}

/** Shared by all commands without parameters or variables: an object for each is a tenth of a large plan's memory. */
const NONE = Object.freeze({})
const COMMAND_RETRY = { attempts: 1, delaySeconds: 1, backoff: 'exponential' } as const
const PLAIN: Policy = {
  retry: { attempts: 1, delayMs: 1_000, backoff: 'exponential' },
  fresh: 'run',
  secrets: {},
}

/** The tasks of a plan by their ids in it; throws one error with everything that is wrong. */
export function makeForeignTasks(
  { header, tasks }: PlanFile,
  given: PlanSurroundings,
): Map<string, ForeignTask> {
  const problems: string[] = []
  const foreign = tasks.map((line) => {
    try {
      return toForeign(header.pipeline, line, given, problems)
    } catch (error) {
      problems.push(`line ${line.line} (${line.task}): ${readErrorMessage(error)}`)
      return undefined
    }
  })
  refusePlanProblems(problems)
  const all = foreign.filter((each) => each !== undefined)
  const byLine = new Map<string, ForeignTask>()
  const inPlan = new Set<string>()
  for (const each of all) {
    byLine.set(each.line.task, each)
    inPlan.add(each.found.id)
  }
  for (const each of all) addEdges(each, byLine, inPlan, given.storageFolder, problems)
  const cycle = findLineCycle(all)
  if (cycle !== undefined) problems.push(`these tasks require each other: ${cycle.join(' → ')}`)
  const same = inPlan.size === all.length ? [] : findSameTasks(all)
  refusePlanProblems([...problems, ...same, ...describeSharedOutputs(all)])
  return byLine
}

/** Ids of the tasks that are complete: said to be, or by their targets. */
export async function findCompleteIds(
  completeness: Completeness,
  tasks: Pick<ForeignTask, 'found' | 'isDone'>[],
): Promise<Set<string>> {
  const complete = new Set<string>()
  const open: FoundTask[] = []
  for (const { found, isDone } of tasks)
    if (isDone) complete.add(found.id)
    else open.push(found)
  const there = await completeness.areComplete(open)
  for (const [index, { id }] of open.entries()) if (there[index]) complete.add(id)
  return complete
}

/** A task as planning finds it: of a complete one nothing is required. */
export function toFoundTask({ found }: Pick<ForeignTask, 'found'>, complete: ReadonlySet<string>): FoundTask {
  if (!complete.has(found.id)) return found
  const { requires: _, ...rest } = found
  return { ...rest, complete: true, upstreams: [] }
}

function toForeign(
  pipeline: string,
  line: PlanLine,
  given: PlanSurroundings,
  problems: string[],
): ForeignTask {
  const problem = (what: string) => problems.push(`line ${line.line} (${line.task}): ${what}`)
  if (line.image !== undefined)
    for (const wrong of [
      ...findImageProblems(line.image),
      ...findVariableProblems(Object.keys(line.env ?? {}), Object.keys(line.secrets ?? {})),
    ])
      problem(wrong)
  if (line.image !== undefined && line.command === undefined)
    problem('image is for a command; a family of the config has its own')
  for (const name of Object.values(line.secrets ?? {}))
    if (!SECRET_NAME.test(name)) problem(`${JSON.stringify(name)} is no name of a secret`)
  const each = line.command ? commandTask(pipeline, line, line.command, given) : familyTask(line, given)
  for (const beyond of findLimitProblems(each.found.policy, given.limits)) problem(beyond)
  return each
}

function commandTask(
  pipeline: string,
  line: PlanLine,
  argv: string[],
  { folder, storageFolder }: PlanSurroundings,
): ForeignTask {
  const outputs = line.output === undefined ? [] : [outputUri(line.output, storageFolder)]
  const env = line.env ?? NONE
  const image = line.image === undefined ? undefined : { reference: line.image }
  const locate = (uris: string[]) => uris.map((uri) => locateInContainer(uri, storageFolder))
  const found: FoundTask = {
    // The same command of the same task is the same work, whatever else changed in the plan.
    id: makeTaskId('command', { pipeline, task: line.task, command: argv }),
    family: escapeControlCharacters(line.family ?? 'command'),
    params: line.params ?? NONE,
    label: escapeControlCharacters(line.task),
    upstreams: [],
    outputs,
    command: { argv, folder, env },
    ...(image === undefined ? {} : { container: { image, argv, env, inputs: [], outputs: locate(outputs) } }),
    policy: commandPolicy(line),
  }
  return { line, found, isDone: line.complete === true }
}

/** A file URI; other schemes have no storage on this machine. */
function outputUri(output: string, storageFolder: string): string {
  if (/^[a-z][a-z0-9+.-]*:/i.test(output) && !output.startsWith('file:'))
    throw new Error(`the output ${output} cannot be reached from here; on this machine outputs are files`)
  if (output.startsWith('file:')) return formatFileUri(parseFileUri(output))
  if (output.endsWith('/')) throw new Error(`the output ${output} must be a file`)
  if (output.includes('\0')) throw new Error(`the output ${output} contains a NUL character`)
  return formatFileUri(isAbsolute(output) ? output : resolveInside(storageFolder, output))
}

/** Only a path that says where it is, absolute or as a URI, leads out of the storage. */
function resolveInside(storageFolder: string, output: string): string {
  const path = join(storageFolder, output)
  if (relative(storageFolder, path).split(sep)[0] !== '..') return path
  throw new Error(
    `the output ${output} leads out of the storage ${storageFolder}; write an absolute path or a file: URI for what is elsewhere`,
  )
}

function familyTask(line: PlanLine, { tasks, surroundings }: PlanSurroundings): ForeignTask {
  const { family, params = {} } = line
  if (family === undefined) throw new Error('it needs a command, or a family of the config')
  const definition = tasks.get(family)
  if (definition === undefined)
    throw new Error(
      `the config defines no family ${family}; it has ${[...tasks.keys()].join(', ') || 'none'}`,
    )
  if (line.env || line.secrets) throw new Error('env and secrets are for commands; the family has its own')
  const instance = instantiateTask(definition, checkParsedParams(family, definition.fields, params))
  const { found } = makePlanningDefinitions(surroundings).describe(instance, false, new Map())
  if (found.failure !== undefined) throw new Error(found.failure.message)
  if (line.output !== undefined && !found.outputs.includes(line.output))
    throw new Error(`its output is ${found.outputs.join(', ') || 'a marker'}, not ${line.output}`)
  const own = definition.policy
  const retry = {
    ...own.retry,
    ...(line.retry ? makeRetryPolicy(line, { ...own.retry, delaySeconds: own.retry.delayMs / 1000 }) : {}),
  }
  const policy = makeLinePolicy(line, { ...own, retry })
  return { line, found: { ...found, policy }, isDone: line.complete === true }
}

function makeRetryPolicy(
  { retry = {} }: PlanLine,
  base: { attempts: number; delaySeconds: number; backoff: 'fixed' | 'exponential' },
): Policy['retry'] {
  const { attempts = base.attempts, delaySeconds = base.delaySeconds, backoff = base.backoff } = retry
  return { attempts, delayMs: delaySeconds * 1000, backoff }
}

const POLICY_FIELDS = [
  'retry',
  'secrets',
  'pool',
  'priority',
  'resources',
  'budgets',
  'timeoutSeconds',
  'memoryMb',
  'cpu',
] as const satisfies (keyof PlanLine)[]

/** Most commands say nothing of their own; they share one policy, also if the plan is kept. */
function commandPolicy(line: PlanLine): Policy {
  if (POLICY_FIELDS.every((name) => line[name] === undefined)) return PLAIN
  return makeLinePolicy(line, {
    ...PLAIN,
    retry: makeRetryPolicy(line, COMMAND_RETRY),
    secrets: line.secrets ?? {},
  })
}

/** What the line says goes before what the definition says. */
function makeLinePolicy(
  { pool, priority, resources, budgets, timeoutSeconds, memoryMb, cpu }: PlanLine,
  base: Policy,
): Policy {
  return {
    ...base,
    ...(pool === undefined ? {} : { pool }),
    ...(priority === undefined ? {} : { priority }),
    ...(resources === undefined ? {} : { resources }),
    ...(budgets === undefined ? {} : { budgets }),
    ...(timeoutSeconds === undefined ? {} : { timeoutMs: timeoutSeconds * 1000 }),
    ...(memoryMb === undefined ? {} : { memoryMb }),
    ...(cpu === undefined ? {} : { cpu }),
  }
}

/** Turns ids of the plan into those of tasks; what a family requires by its definition has to be in the plan. */
function addEdges(
  each: ForeignTask,
  byLine: Map<string, ForeignTask>,
  inPlan: Set<string>,
  storageFolder: string,
  problems: string[],
): void {
  if (each.line.requires === undefined && each.found.upstreams.length === 0) return
  const wanted = (each.line.requires ?? []).flatMap((id) => byLine.get(id)?.found.id ?? [])
  for (const id of each.found.upstreams)
    if (!inPlan.has(id) && !each.line.complete)
      problems.push(
        `line ${each.line.line} (${each.line.task}) requires by its definition ${id}, which is not in the plan`,
      )
  each.found.upstreams = [...new Set([...wanted, ...each.found.upstreams.filter((id) => inPlan.has(id))])]
  const read = (each.line.requires ?? []).flatMap((id) => byLine.get(id)?.found.outputs ?? [])
  if (each.found.container !== undefined)
    each.found.container.inputs = [...new Set(read)].map((uri) => locateInContainer(uri, storageFolder))
}

/** Lines that require each other, the first repeated at the end. */
function findLineCycle(tasks: readonly ForeignTask[]): string[] | undefined {
  const lines = new Map<FoundTask, PlanLine>()
  for (const { found, line } of tasks) if (found.upstreams.length > 0) lines.set(found, line)
  return findDependencyCycle(
    tasks.map(({ found }) => found),
    (found) => {
      const { task, line } = mustHave(lines.get(found), 'line of a task')
      return `${task} (line ${line})`
    },
  )
}

function findSameTasks(tasks: ForeignTask[]): string[] {
  return groupByRepeatedKey(tasks, ({ found }) => found.id).map(
    ([, same]) =>
      `lines ${same.map(({ line }) => `${line.line} (${line.task})`).join(' and ')} are the same task of the same family`,
  )
}

function describeSharedOutputs(tasks: ForeignTask[]): string[] {
  const outputs: { line: PlanLine; uri: string }[] = []
  for (const { line, found } of tasks) for (const uri of found.outputs) outputs.push({ line, uri })
  return groupByRepeatedKey(outputs, ({ uri }) => uri).map(
    ([uri, same]) =>
      `lines ${same.map(({ line }) => `${line.line} (${line.task})`).join(' and ')} have the same output ${uri}`,
  )
}
