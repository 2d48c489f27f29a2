import type { Interval } from '../core/calendar.ts'
import { isText } from './emr.ts'
import { type BuiltImage, findImageProblems } from './image.ts'
import { type Fields, type GivenOf, isDayField } from './params.ts'
import { type Pipeline, type PipelineOptions, pipeline } from './pipeline.ts'
import { findDefinitionProblems } from './policy.ts'
import type { Schedule } from './schedule.ts'
import { type Budgets, defineTaskFamily, type RetryOptions, type Secrets, type Task } from './task.ts'

/** How the tasks of one family of Luigi run, said from outside of their code. What is absent is as the task says it. */
export interface LuigiFamily {
  /** The queue that its attempts go through. @default 'default' */
  pool?: string
  /** Limit of the memory of the task's process with all that it starts. @default no limit */
  memoryMb?: number
  /**
   * Secrets by environment variable. The name of a private parameter of the family gives that parameter its value.
   * @default none
   */
  secrets?: Secrets
  /** What each attempt reserves of budgets: `{ mag: 500 }`. @default nothing */
  budgets?: Budgets
  /** @default the task's `retry_count`, else the one of luigi.cfg, else 3 attempts with 10 seconds before the second */
  retry?: RetryOptions
  /** @default the task's `worker_timeout`, else the `timeout` of `[worker]` */
  timeoutSeconds?: number
  /** Higher goes first. @default the task's `priority` */
  priority?: number
}

/** How a pipeline of Luigi is defined. */
export interface LuigiOptions<F extends Fields = Record<never, never>> {
  /** The Python module that the command `luigi` would be given with `--module`. */
  module: string
  /** The family of the root task, with its namespace if it has one. */
  task: string
  /** Parameters of the root task as zod fields; `dropTables` is the parameter `drop_tables`. @default none */
  params?: F
  /** The Python that has the user's code and Luigi: a path from the project's folder, or a program of PATH. @default 'python3' */
  python?: string
  /**
   * The image that has the tasks, their Python and Luigi: each task runs in a container of its own, and so does planning. `python` is a
   * program of the image then, `config` a path in it, and modules are looked for in its working folder. @default none: on this machine
   */
  image?: string | BuiltImage
  /** Folders of this machine by their paths in the containers, for targets that are files: `{ '/app/data': 'data' }`. @default none */
  mounts?: { readonly [path: string]: string }
  /** A config of Luigi: a path from the project's folder. @default what LUIGI_CONFIG_PATH names, and luigi.cfg of that folder */
  config?: string
  /** One sentence for `sluice pipelines`. */
  description?: string
  schedule?: Schedule
  /** Makes the root's parameters from the interval that a run is for. @default each field of `day()` is the interval's day */
  ofInterval?: (interval: Interval) => GivenOf<F>
  /** How tasks of some families run, by the name of the family. @default as the tasks say */
  families?: { readonly [family: string]: LuigiFamily }
  /** How many tasks are asked at once whether they are complete; the user's code has to be safe for threads. @default as luigi.cfg says, else 1 */
  jobs?: number
  /** How long one call of `complete()` or `requires()` may take; then the task fails. @default 600 */
  checkSeconds?: number
}

/** What a definition says of its pipeline of Luigi, without its types. */
export interface LuigiDefinition
  extends Required<Pick<LuigiOptions, 'module' | 'task' | 'python' | 'families'>> {
  image?: string | BuiltImage
  mounts?: { readonly [path: string]: string }
  config?: string
  jobs?: number
  checkSeconds?: number
}

const KNOWN = [
  'module',
  'task',
  'params',
  'python',
  'image',
  'mounts',
  'config',
  'description',
  'schedule',
  'ofInterval',
  'families',
  'jobs',
  'checkSeconds',
]
const KNOWN_OF_FAMILIES = ['pool', 'memoryMb', 'secrets', 'budgets', 'retry', 'timeoutSeconds', 'priority']

/**
 * Defines a pipeline whose tasks are those of Luigi, as they are: the graph is planned by their own code, and each task runs in a
 * process of its own. docs/luigi.md says what behaves differently, and why.
 */
export function luigi<F extends Fields = Record<never, never>>(
  name: string,
  options: LuigiOptions<F>,
): Pipeline {
  const { module, task, params, python = 'python3', families = {} } = options
  const { image, mounts, config, jobs, checkSeconds } = options
  const definition: LuigiDefinition = {
    module,
    task,
    python,
    families,
    ...(image === undefined ? {} : { image }),
    ...(mounts === undefined ? {} : { mounts }),
    ...(config === undefined ? {} : { config }),
    ...(jobs === undefined ? {} : { jobs }),
    ...(checkSeconds === undefined ? {} : { checkSeconds }),
  }
  const fields: Fields = params ?? {}
  const root = defineTaskFamily(
    String(name).replaceAll('-', '_'),
    { params: fields },
    { luigi: definition, problems: findLuigiProblems(options) },
  )
  const { description, schedule, ofInterval } = options
  // The root's fields are typed for the user alone.
  const ofPipeline: PipelineOptions = {
    ...(description === undefined ? {} : { description }),
    ...(schedule === undefined
      ? {}
      : { schedule, params: ofInterval ?? ((interval) => giveDays(fields, interval)) }),
  }
  return pipeline(name, root as Task<Fields, unknown>, ofPipeline)
}

const giveDays = (fields: Fields, { date }: Interval): { [name: string]: string } =>
  Object.fromEntries(
    Object.entries(fields).flatMap(([name, field]) => (isDayField(field) ? [[name, date]] : [])),
  )

/** What is wrong with a pipeline of Luigi, a sentence each, whatever its types say. */
function findLuigiProblems(options: object): string[] {
  const given: { [name: string]: unknown } = { ...options }
  const problems = Object.keys(given)
    .filter((name) => !KNOWN.includes(name))
    .map((name) => `there is no option ${name}; there are ${KNOWN.join(', ')}`)
  if (!/^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$/.test(String(given.module)))
    problems.push("module must be the name of a Python module, such as 'reports.daily'")
  if (!isText(given.task)) problems.push("task must be the name of the root task, such as 'RootTask'")
  for (const name of ['python', 'config'])
    if (given[name] !== undefined && !isText(given[name])) problems.push(`${name} must be a path`)
  problems.push(...findProblemsOfContainers(given))
  for (const name of ['jobs', 'checkSeconds'])
    if (given[name] !== undefined && !(Number.isInteger(given[name]) && Number(given[name]) > 0))
      problems.push(`${name} must be a whole number of 1 or more`)
  if (given.ofInterval !== undefined && typeof given.ofInterval !== 'function')
    problems.push('ofInterval must be a function of the interval')
  for (const [family, how] of Object.entries(given.families ?? {}))
    problems.push(...findFamilyProblems(how).map((problem) => `families: ${family}: ${problem}`))
  return problems
}

const findProblemsOfContainers = ({ image, mounts }: { [name: string]: unknown }): string[] => [
  ...(image === undefined ? [] : findImageProblems(image)),
  ...findMountProblems(mounts, image !== undefined),
]

/** What is wrong with the folders that containers find, a sentence each. */
export function findMountProblems(mounts: unknown, hasImage: boolean): string[] {
  if (mounts === undefined) return []
  if (!hasImage) return ['mounts are for containers: it needs an image as well']
  return Object.entries(mounts ?? {})
    .filter(([path, folder]) => !path.startsWith('/') || path.includes('\0') || !isText(folder))
    .map(
      ([path]) =>
        `mounts: ${JSON.stringify(path)} must be a path in the container, such as '/app/data', with a folder of this machine`,
    )
}

function findFamilyProblems(how: unknown): string[] {
  if (typeof how !== 'object' || how === null) return ["must be an object, such as { pool: 'slow' }"]
  const unknown = Object.keys(how).filter((name) => !KNOWN_OF_FAMILIES.includes(name))
  if (unknown.length > 0)
    return [`there is no option ${unknown.join(', ')}; there are ${KNOWN_OF_FAMILIES.join(', ')}`]
  // The rules of a task hold for what is said from outside as well; its name here has no meaning.
  return findDefinitionProblems('family', how, { pollSeconds: 1 }).map((problem) =>
    problem.replace('task "family": ', ''),
  )
}
