import { isAbsolute, resolve } from 'node:path'
import { SluiceError } from '../../core/errors.ts'
import type { Json, Params } from '../../core/json.ts'
import { NO_PLAN_BOUNDS, type PlanBounds } from '../../core/limits.ts'
import type { ContainerMount, Image } from '../../core/plan.ts'
import type { TaskName } from '../../core/ports/working.ts'
import { toFlagName } from '../../define/flags.ts'
import { toImage } from '../../define/image.ts'
import type { LuigiFamily } from '../../define/luigi.ts'
import { type LuigiCommandParams, parseLuigiCommandParams } from '../../define/luigi-command.ts'
import type { TaskDefinition, TaskInstance } from '../../define/task.ts'

/** A root task of Luigi, and what runs it: everything that is needed to ask its code and to run its tasks. */
export interface LuigiProgram {
  python: string
  /** The image that has all of it. @default this machine has */
  image?: Image
  mounts?: ContainerMount[]
  /** Where modules are looked for, and tasks run. */
  folder: string
  env: { [name: string]: string }
  module: string
  task: string
  /** Parameters of the root as text. */
  params: { [name: string]: string }
  /** Flags of Luigi's command line, which count for tasks of the whole graph. */
  flags?: string[]
  jobs?: number
  checkSeconds?: number
  /** Where Python's `random` begins while modules are imported, the same for all processes of a plan. @default anew in each process */
  seed?: string
  /** How tasks of some families run. */
  families: { readonly [family: string]: LuigiFamily }
  /** The family of the config that says so. */
  origin?: string
}

/** Tasks of Luigi take more memory than others while they are planned: 250,000 took 1 GB of Python. */
const LUIGI_BOUNDS: PlanBounds = { maxTasks: 250_000, maxDepth: 50_000 }

/** The program of the root of a pipeline of Luigi; undefined for every other task. */
export function findLuigiProgram({ definition, params }: TaskInstance): LuigiProgram | undefined {
  const { luigi, family } = definition
  if (luigi === undefined) return undefined
  if (luigi === 'by-params') return makeCommandProgram(parseLuigiCommandParams(params))
  const { module, task, python, image, mounts, config, families, jobs, checkSeconds } = luigi
  const folder = resolve('.')
  const isHere = image === undefined
  return {
    python: isHere && isPath(python) ? resolve(folder, python) : python,
    folder,
    env: config === undefined ? {} : { LUIGI_CONFIG_PATH: isHere ? resolve(folder, config) : config },
    ...(image === undefined ? {} : { image: toImage(image, (path) => resolve(folder, path)) }),
    ...(mounts === undefined ? {} : { mounts: toMounts(mounts, folder) }),
    module,
    task,
    params: toTexts(params),
    families,
    origin: family,
    ...(jobs === undefined ? {} : { jobs }),
    ...(checkSeconds === undefined ? {} : { checkSeconds }),
  }
}

function makeCommandProgram(given: LuigiCommandParams): LuigiProgram {
  const { python, folder, module, task, params, image, mounts, config, flags, jobs, checkSeconds, origin } =
    given
  return {
    ...(image === undefined ? {} : { image: { reference: image } }),
    ...(mounts === undefined ? {} : { mounts: toMounts(mounts, folder) }),
    python,
    folder,
    module,
    task,
    params,
    env: config === undefined ? {} : { LUIGI_CONFIG_PATH: config },
    families: {},
    ...(flags === undefined ? {} : { flags }),
    ...(jobs === undefined ? {} : { jobs }),
    ...(checkSeconds === undefined ? {} : { checkSeconds }),
    ...(origin === undefined ? {} : { origin }),
  }
}

/** What the command line would say to run one task of the program alone, by its family and its parameters as text. */
export function narrowToTask(program: LuigiProgram, { family, params }: TaskName): LuigiCommandParams {
  const { python, folder, module, env, mounts, flags, jobs, checkSeconds, origin } = program
  const image = program.image && readReference(program.image)
  return parseLuigiCommandParams({
    module,
    task: family,
    params,
    python,
    folder,
    image,
    mounts: mounts && Object.fromEntries(mounts.map(({ folder: from, at }) => [at, from])),
    flags,
    jobs,
    checkSeconds,
    origin,
    config: env.LUIGI_CONFIG_PATH,
  })
}

/** A build is not part of a command line. */
function readReference(image: Image): string {
  if ('reference' in image) return image.reference
  throw new SluiceError(
    'invalid_usage',
    'One task of a pipeline whose image is built cannot be retried alone.',
    {
      hint: 'Retry the run: what is complete is not run again.',
    },
  )
}

/** What a process knows of a config. */
export interface ConfiguredFamilies {
  tasks: ReadonlyMap<string, TaskDefinition>
  /** How tasks of Luigi run, by the families of their pipelines, if this process has none of the config's modules. */
  luigiFamilies?: { readonly [root: string]: LuigiProgram['families'] }
}

/** How tasks of some families run, as the config says it now. */
export function findLuigiFamilies(
  origin: string | undefined,
  { tasks, luigiFamilies }: ConfiguredFamilies,
): LuigiProgram['families'] {
  if (origin === undefined) return {}
  const luigi = tasks.get(origin)?.luigi
  return (luigi === 'by-params' ? undefined : luigi?.families) ?? luigiFamilies?.[origin] ?? {}
}

const toMounts = (mounts: { readonly [path: string]: string }, from: string): ContainerMount[] =>
  Object.entries(mounts).map(([at, folder]) => ({ folder: resolve(from, folder), at }))

const isPath = (program: string) => program.includes('/') && !isAbsolute(program)

/** Parameters as Luigi parses them: `dropTables: true` is `drop_tables` with `True`. */
function toTexts(params: Params): { [name: string]: string } {
  return Object.fromEntries(
    Object.entries(params).map(([name, value]) => [toFlagName(name).replaceAll('-', '_'), toText(value)]),
  )
}

function toText(value: Json): string {
  if (typeof value === 'string') return value
  if (typeof value === 'boolean') return value ? 'True' : 'False'
  return JSON.stringify(value)
}

/** What our program in Python is asked for, but for tasks. */
interface AskedProgram extends Pick<LuigiProgram, 'module' | 'families'> {
  flags: string[] | undefined
  jobs?: number | undefined
  checkSeconds: number | undefined
  seed?: string | undefined
  task?: string
  params?: { [name: string]: string }
  bounds?: PlanBounds
}

/** The argument that says which tasks are meant. What runs many tasks of one plan gets the same text. */
function formatLuigiSpec({ bounds, families, ...asked }: AskedProgram): string {
  const secrets = Object.entries(families).flatMap(([family, how]) =>
    how.secrets === undefined ? [] : [[family, Object.keys(how.secrets)]],
  )
  const isBounded = bounds !== undefined && bounds !== NO_PLAN_BOUNDS
  return JSON.stringify({
    ...asked,
    ...(secrets.length === 0 ? {} : { secrets: Object.fromEntries(secrets) }),
    ...(isBounded ? bounds : {}),
  })
}

/** The argument by which all tasks of a graph are planned. Before the root is known, Luigi reads it from its flags. */
export const formatPlanSpec = (program: LuigiProgram, bounds: PlanBounds = LUIGI_BOUNDS): string => {
  const { module, task, params, flags, jobs, checkSeconds, seed, families } = program
  const root = task === '' ? {} : { task, params }
  return formatLuigiSpec({ module, jobs, checkSeconds, seed, families, flags, ...root, bounds })
}

/** The argument by which single tasks are run, or asked whether they are complete. */
export const formatTaskSpec = ({ module, flags, checkSeconds, families }: LuigiProgram): string =>
  formatLuigiSpec({ module, flags, checkSeconds, families })
