import { existsSync, globSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { inspect } from 'node:util'
import { readErrorMessage, SluiceError } from '../core/errors.ts'
import { type Limits, NO_LIMITS } from '../core/limits.ts'
import { type CheckedConfig, checkExportedConfig, type Environment, type Pool } from '../define/config.ts'
import type { EmrApplication } from '../define/emr-application.ts'
import { waitForUserCode } from '../define/open-waits.ts'
import { isPipeline, type Pipeline } from '../define/pipeline.ts'
import { listRegisteredTasks, type TaskDefinition } from '../define/task.ts'
import { BUNDLED_CONFIG, findBundledProject, type ProjectModules } from './bundled.ts'
import {
  type BrokenModule,
  describeBrokenModule,
  findDoubtfulDefinitions,
  findWrongDefinitions,
  placeFamilies,
} from './check-definitions.ts'
import { importModule } from './import-module.ts'
import { beginModuleRead, type ModuleRead } from './module-reads.ts'
import { followOwnFamilies } from './own-families.ts'
import { readProjectName } from './project-name.ts'

/** A project as its config and modules define it. */
export interface Project {
  /** Tells it from other projects of one AWS account; empty if nothing names it. */
  name: string
  path: string
  folder: string
  storage: string
  pipelines: Map<string, Pipeline>
  tasks: Map<string, TaskDefinition>
  limits: Limits
  pools: { [name: string]: Pool }
  /** Applications of EMR Serverless, by name. */
  emr: { [name: string]: EmrApplication }
  /** Patterns of the modules that the config names. */
  patterns: string[]
  environments: { [name: string]: Environment }
  /** Modules that the config names, with the task families that each has added. */
  modules: { path: string; families: string[] }[]
  /** The files that were loaded for it, also later, by path, with the fingerprints that they had then. */
  files: ReadonlyMap<string, string>
  /** Its definitions were changed into what cannot be read: bodies would be, so that none is started meanwhile. */
  unread?: true
  /** Modules that did not load, and definitions that are wrong; what they hold is missing or fails, all else works. */
  broken: BrokenModule[]
  /** Definitions that work and are likely to be a mistake. */
  doubtful: BrokenModule[]
}

const NAMES = ['sluice.config.ts', 'sluice.config.mts', 'sluice.config.js', 'sluice.config.mjs']

/** The config of the folder or the nearest one above it; undefined if there is none. */
export function findConfigAbove(folder: string): string | undefined {
  for (let here = resolve(folder); ; here = dirname(here)) {
    const found = NAMES.map((name) => join(here, name)).find((path) => existsSync(path))
    if (found !== undefined || here === dirname(here)) return found
  }
}

/** The config that is named, or the nearest one from the folder upwards. Throws if there is none. */
export function requireConfig(folder: string, named?: string): string {
  if (findBundledProject() !== undefined) return resolve(folder, BUNDLED_CONFIG)
  const found = named === undefined ? findConfigAbove(folder) : resolve(folder, named)
  if (found !== undefined && existsSync(found)) return found
  throw new SluiceError(
    'config_not_found',
    named === undefined
      ? `There is no sluice.config.ts in ${folder} or a folder above it.`
      : `There is no config ${resolve(folder, named)}.`,
    { hint: 'Go to a folder that has one, name it with --config, or make a new project: sluice init' },
  )
}

/**
 * Loads a config and the modules that it names, and checks everything. Throws for a config that is wrong; what is wrong
 * in a module stops only that, and is told as `broken`. A project may be loaded again in the same process, and others beside it:
 * each time its modules are read anew, and it has the families that these define.
 */
export async function loadProject(path: string, read: ModuleRead = beginModuleRead()): Promise<Project> {
  const bundled = findBundledProject()
  const takeNewFamilies = followOwnFamilies(bundled === undefined ? read : undefined)
  const exported = await importConfig(path, bundled?.config ?? makeLoader(path, read))
  const { config, problems: wrong } = checkExportedConfig(exported)
  const folder = dirname(path)
  const { modules, missing } = bundled ?? listProjectModules(config, folder, read)
  const broken: Project['broken'] = missing.map((pattern) => ({
    path: pattern,
    message: 'no module matches',
  }))
  const own = config.pipelines.filter((each) => typeof each !== 'string')
  const found = new Map(own.map((each) => [each, path]))
  const familyOf = new Map(takeNewFamilies().map((each) => [each, path]))
  const loaded: Project['modules'] = []
  for (const module of modules) {
    // `export * from` shows the same pipeline in two modules.
    for (const each of await loadPipelines(module, broken)) if (!found.has(each)) found.set(each, module.path)
    const families = takeNewFamilies()
    for (const each of families) familyOf.set(each, module.path)
    loaded.push({ path: module.path, families: families.map(({ family }) => family) })
  }
  const defined = <T>(of: Map<T, string>) => [...of].map(([of, path]) => ({ of, path }))
  const limits = wrong.length > 0 ? undefined : config.limits
  const families = placeFamilies(defined(familyOf), folder)
  const checked = findWrongDefinitions(defined(found), families, limits, {
    applications: Object.keys(config.emr),
    folder,
  })
  if (wrong.length > 0) throw wrongDefinition(path, [...wrong, ...checked.wrong.map(describeBrokenModule)])
  return {
    name: config.name ?? readProjectName(folder),
    path,
    folder,
    storage: resolve(folder, config.environments.dev?.storage ?? 'data'),
    emr: config.emr,
    limits: { ...config.limits },
    pools: config.pools,
    patterns: config.pipelines.filter((each) => typeof each === 'string'),
    environments: config.environments,
    pipelines: checked.pipelines,
    tasks: new Map([...familyOf.keys()].map((each) => [each.family, each])),
    modules: loaded,
    files: read.files,
    broken: [...broken, ...checked.wrong],
    doubtful: findDoubtfulDefinitions(families),
  }
}

/**
 * For processes that run bodies: loads the config, and returns what loads modules of the project by their paths. What
 * is wrong with definitions was told if the whole project was loaded.
 */
export async function loadDefinitions(
  path: string,
): Promise<(modules: readonly string[]) => Promise<ReadonlyMap<string, TaskDefinition>>> {
  const bundled = findBundledProject()
  const read = beginModuleRead()
  const loaders = new Map(bundled?.modules.map((module) => [module.path, module.load]))
  await importConfig(path, bundled?.config ?? makeLoader(path, read))
  return async (modules) => {
    for (const module of modules) {
      const load = loaders.get(module) ?? makeLoader(module, read)
      await waitForUserCode(() => `the module ${module} to load`, load())
    }
    return new Map(listRegisteredTasks().map(({ definition }) => [definition.family, definition]))
  }
}

const makeLoader = (path: string, read: ModuleRead) => () => importModule(read.urlOf(pathToFileURL(path)))

/** Paths of the modules of a project that define any of these families. */
export function listDefiningModules(
  { modules }: Pick<Project, 'modules'>,
  families: ReadonlySet<string>,
): string[] {
  return modules
    .filter((module) => module.families.some((each) => families.has(each)))
    .map(({ path }) => path)
}

/** A folder without a config: nothing is defined, targets are under `data`. */
export const makeEmptyProject = (folder: string): Project => ({
  name: readProjectName(folder),
  path: '',
  folder,
  storage: resolve(folder, 'data'),
  pipelines: new Map(),
  tasks: new Map(),
  limits: NO_LIMITS,
  emr: {},
  pools: {},
  patterns: [],
  environments: {},
  modules: [],
  files: new Map(),
  broken: [],
  doubtful: [],
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
    module = await waitForUserCode(() => `the config ${path} to load`, load())
  } catch (error) {
    if (error instanceof SluiceError) throw error
    throw new SluiceError('config_failed', `The config ${path} does not load: ${describeThrown(error)}`, {
      cause: error,
    })
  }
  return module.default
}

/** Where a module fails is part of how Node shows the error, not of its message. */
function describeThrown(error: unknown): string {
  if (!(error instanceof Error)) return readErrorMessage(error)
  return inspect(error)
    .split('\n')
    .filter((line) => !/^\s+at .*node:/.test(line))
    .slice(0, 8)
    .join('\n')
}

/** The modules that the patterns of a config name, in order. */
function listProjectModules(
  config: CheckedConfig,
  folder: string,
  read: ModuleRead,
): Omit<ProjectModules, 'config'> {
  const patterns = config.pipelines.filter((each) => typeof each === 'string')
  const matches = patterns.map((pattern) => listPatternFiles(pattern, folder))
  return {
    missing: patterns.filter((_, index) => matches[index]?.length === 0),
    modules: [...new Set(matches.flat())].map((path) => ({
      path,
      load: makeLoader(path, read),
    })),
  }
}

/** Tests would run wherever a pipeline is planned; declarations and what is no module cannot be loaded. */
const NO_PIPELINES = /(^|\/)__tests__\/|\.(test|spec)\.[cm]?[jt]sx?$|\.d\.[cm]?ts$/

/** The files of a pattern, files of tests left out; a path without wildcards is taken as it is. */
export function listPatternFiles(pattern: string, folder: string): string[] {
  const isNamed = existsSync(resolve(folder, pattern))
  return globSync(pattern, { cwd: folder })
    .filter((match) => isNamed || !NO_PIPELINES.test(match.replaceAll('\\', '/')))
    .map((match) => resolve(folder, match))
    .sort()
}

async function loadPipelines(
  { path, load }: ProjectModules['modules'][number],
  broken: Project['broken'],
): Promise<Pipeline[]> {
  try {
    const exported = await waitForUserCode(() => `the module ${path} to load`, load())
    return Object.values(exported).filter(isPipeline)
  } catch (error) {
    broken.push({ path, message: describeThrown(error) })
    return []
  }
}
