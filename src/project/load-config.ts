import { existsSync, globSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { inspect } from 'node:util'
import { messageOf, SluiceError } from '../core/errors.ts'
import { type Limits, limitProblems, NO_LIMITS } from '../core/limits.ts'
import { repeated } from '../core/repeated.ts'
import { type CheckedConfig, checkConfig, type Environment, type Pool } from '../define/config.ts'
import { isPipeline, type Pipeline } from '../define/pipeline.ts'
import { registeredTasks, type TaskDefinition } from '../define/task.ts'
import { bundled, type ProjectModules } from './bundled.ts'
import { projectName } from './project-name.ts'

/** A project as its config and modules define it. */
export interface Project {
  /** Tells it from other projects of one AWS account; empty where nothing names it. */
  name: string
  path: string
  folder: string
  storage: string
  pipelines: Map<string, Pipeline>
  tasks: Map<string, TaskDefinition>
  limits: Limits
  pools: { [name: string]: Pool }
  /** Patterns of the modules that the config names. */
  patterns: string[]
  environments: { [name: string]: Environment }
  /** Modules that the config names, with the task families that each has added. */
  modules: { path: string; families: string[] }[]
  /** Its definitions were changed into what cannot be read: bodies would be, so that none is started meanwhile. */
  unread?: true
  /** Modules that did not load, a message each; their pipelines are missing, the others work. */
  broken: { path: string; message: string }[]
}

const NAMES = ['sluice.config.ts', 'sluice.config.mts', 'sluice.config.js', 'sluice.config.mjs']

/** The config of the folder or the nearest one above it; undefined where there is none. */
export function configAbove(folder: string): string | undefined {
  for (let here = resolve(folder); ; here = dirname(here)) {
    const found = NAMES.map((name) => join(here, name)).find((path) => existsSync(path))
    if (found !== undefined || here === dirname(here)) return found
  }
}

/** The config that is named, or the nearest one from the folder upwards. Throws where there is none. */
export function findConfig(folder: string, named?: string): string {
  if (bundled !== undefined) return resolve(folder, 'sluice.config')
  const found = named === undefined ? configAbove(folder) : resolve(folder, named)
  if (found !== undefined && existsSync(found)) return found
  throw new SluiceError(
    'config_not_found',
    named === undefined
      ? `There is no sluice.config.ts in ${folder} or a folder above it.`
      : `There is no config ${resolve(folder, named)}.`,
    { hint: 'Go to a folder that has one, name it with --config, or make a new project: sluice init' },
  )
}

/** Loads a config and the modules that it names, and checks everything; all problems in one message. */
export async function loadProject(path: string): Promise<Project> {
  const exported = await importConfig(path, bundled?.config ?? (() => import(pathToFileURL(path).href)))
  const { config, problems: wrong } = checkConfig(exported)
  const folder = dirname(path)
  const { modules, missing } = bundled ?? modulesIn(config, folder)
  const broken: Project['broken'] = missing.map((pattern) => ({
    path: pattern,
    message: 'no module matches',
  }))
  const pipelines = config.pipelines.filter((each) => typeof each !== 'string')
  const loaded: Project['modules'] = []
  for (const module of modules) {
    const before = registeredTasks().length
    pipelines.push(...(await pipelinesOf(module, broken)))
    const families = registeredTasks().slice(before)
    loaded.push({ path: module.path, families: families.map(({ family }) => family) })
  }
  const problems = [
    ...wrong,
    ...pipelines.flatMap((each) => each.problems),
    ...registeredTasks().flatMap((each) => each.problems),
    // Without the limits themselves nothing can be said of what tasks ask for.
    ...(wrong.length > 0 ? [] : registeredTasks().flatMap((each) => beyondLimits(each, config.limits))),
    ...duplicates('pipelines', pipelines, (each) => each.name),
    ...duplicates('tasks', registeredTasks(), (each) => each.family),
  ]
  if (problems.length > 0) throw wrongDefinition(path, problems)
  return {
    name: config.name ?? projectName(folder),
    path,
    folder,
    storage: resolve(folder, config.environments.dev?.storage ?? 'data'),
    limits: { ...config.limits },
    pools: config.pools,
    patterns: config.pipelines.filter((each) => typeof each === 'string'),
    environments: config.environments,
    pipelines: new Map(pipelines.map((each) => [each.name, each])),
    tasks: new Map(registeredTasks().map((each) => [each.family, each])),
    modules: loaded,
    broken,
  }
}

/**
 * For processes that run bodies: loads the config, and returns what loads modules of the project by their paths. What
 * is wrong with definitions was told where the whole project was loaded.
 */
export async function loadDefinitions(
  path: string,
): Promise<(modules: readonly string[]) => Promise<ReadonlyMap<string, TaskDefinition>>> {
  await importConfig(path, bundled?.config ?? (() => import(pathToFileURL(path).href)))
  return async (modules) => {
    for (const module of modules) await loaderOf(module)()
    return new Map(registeredTasks().map((each) => [each.family, each]))
  }
}

function loaderOf(path: string): () => Promise<unknown> {
  const known = bundled?.modules.find((module) => module.path === path)
  return known?.load ?? (() => import(pathToFileURL(path).href))
}

/** Paths of the modules of a project that define any of these families. */
export function modulesOf({ modules }: Pick<Project, 'modules'>, families: ReadonlySet<string>): string[] {
  return modules
    .filter((module) => module.families.some((each) => families.has(each)))
    .map(({ path }) => path)
}

/** A folder without a config: nothing is defined, targets are under `data`. */
export const noProject = (folder: string): Project => ({
  name: projectName(folder),
  path: '',
  folder,
  storage: resolve(folder, 'data'),
  pipelines: new Map(),
  tasks: new Map(),
  limits: NO_LIMITS,
  pools: {},
  patterns: [],
  environments: {},
  modules: [],
  broken: [],
})

function wrongDefinition(path: string, problems: string[]): SluiceError {
  return new SluiceError('invalid_definition', `${path} is wrong:\n- ${problems.join('\n- ')}`, {
    hint: 'Correct the definitions; nothing was started.',
  })
}

/** What the config module exports, whatever it is. */
async function importConfig(path: string, load: ProjectModules['config']): Promise<unknown> {
  let module: { default?: unknown }
  try {
    module = await load()
  } catch (error) {
    if (error instanceof SluiceError) throw error
    throw new SluiceError('config_failed', `The config ${path} does not load: ${told(error)}`, {
      cause: error,
    })
  }
  return module.default
}

/** Where a module fails is part of how Node shows the error, not of its message. */
function told(error: unknown): string {
  if (!(error instanceof Error)) return messageOf(error)
  return inspect(error)
    .split('\n')
    .filter((line) => !/^\s+at .*node:/.test(line))
    .slice(0, 8)
    .join('\n')
}

const beyondLimits = ({ family, policy }: TaskDefinition, limits: Limits) =>
  limitProblems(policy, limits).map((problem) => `task ${JSON.stringify(family)}: ${problem}`)

/** The modules that the patterns of a config name, in order. */
export function modulesIn(config: CheckedConfig, folder: string): Omit<ProjectModules, 'config'> {
  const patterns = config.pipelines.filter((each) => typeof each === 'string')
  const matches = patterns.map((pattern) => globSync(pattern, { cwd: folder }).sort())
  return {
    missing: patterns.filter((_, index) => matches[index]?.length === 0),
    modules: matches.flat().map((match) => {
      const path = resolve(folder, match)
      return { path, load: () => import(pathToFileURL(path).href) }
    }),
  }
}

async function pipelinesOf(
  { path, load }: ProjectModules['modules'][number],
  broken: Project['broken'],
): Promise<Pipeline[]> {
  try {
    return Object.values(await load()).filter(isPipeline)
  } catch (error) {
    broken.push({ path, message: told(error) })
    return []
  }
}

function duplicates<T>(kind: string, list: readonly T[], nameOf: (each: T) => string): string[] {
  return repeated(list, nameOf).map(
    ([name, group]) => `${group.length} ${kind} are called ${name}; names are unique`,
  )
}
