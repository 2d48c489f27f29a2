import type { Json } from '../core/json.ts'
import { isValidS3Uri } from '../core/s3-uri.ts'
import {
  type CommandContext,
  findContainerProblems,
  type InputsInContainer,
  isCommand,
  type TargetsInContainer,
} from './container.ts'
import type { BuiltImage } from './image.ts'
import type { Fields, ParamsOf } from './params.ts'
import type { Requires } from './requires.ts'
import type { MarkerTarget } from './targets/marker.ts'
import type { Output } from './targets/target.ts'
import { type Budgets, defineTaskFamily, type Secrets, type Task, type TaskOptions } from './task.ts'

/** A target as a job of a service finds it. */
export interface TargetOfJob {
  /** Its URI in the storage of the environment. */
  readonly uri: string
}

/** What a job of EMR is made of. */
export interface EmrJobContext<P, R, O> {
  params: P
  input: InputsInContainer<R, TargetOfJob>
  output: TargetsInContainer<O, TargetOfJob>
}

/** A Spark program as EMR runs it. */
export interface EmrJob {
  /** Path of the program, relative to the project's folder; a URI is taken as it is. */
  script: string
  /** @default none */
  arguments?: readonly string[]
  /** Modules that the script imports, by their paths. @default none */
  pyFiles?: readonly string[]
  /** Settings of Spark, such as `{ 'spark.executor.memory': '4g' }`. @default those of EMR */
  spark?: { readonly [name: string]: string }
}

/** A container that runs the program of a job on one machine. */
export interface LocalContainer<C> {
  image: string | BuiltImage
  /** @default what the image starts by itself */
  command?: readonly string[] | ((context: C) => readonly string[])
  /** @default none */
  env?: { readonly [name: string]: string }
}

/**
 * What runs on one machine instead of a job: a command, which runs in the project's folder, or a container. It writes to
 * `output.path`, which is published when it exits with 0.
 */
export type LocalProgram<C> = readonly string[] | ((context: C) => readonly string[]) | LocalContainer<C>

/** What the two kinds of EMR jobs have in common: what every task has, and what runs on one machine. */
export interface EmrOptions<
  F extends Fields,
  R extends Requires | undefined,
  O extends Output | undefined,
  S extends Secrets,
  B extends Budgets = Record<never, never>,
> extends Omit<TaskOptions<F, R, O, S, B>, 'fresh' | 'memoryMb'> {
  /**
   * Paths of the program's files, relative to the project's folder: what `script` and `pyFiles` may name in a deployment.
   * @default what they name when `deploy` calls the function with placeholders
   */
  files?: readonly string[]
  /** The same program on one machine. @default none: the task cannot run on one machine */
  local?: LocalProgram<CommandContext<ParamsOf<F>, R, O>>
}

/** How a job of EMR Serverless is defined. */
export interface EmrServerlessOptions<
  F extends Fields,
  R extends Requires | undefined,
  O extends Output | undefined,
  S extends Secrets,
  B extends Budgets = Record<never, never>,
> extends EmrOptions<F, R, O, S, B> {
  /** A name of `emr` in the config, or the id of an application that is there, such as `00fkht2eodujab09`. */
  application: string
  job: (context: EmrJobContext<ParamsOf<F>, R, O>) => EmrJob
}

/** A cluster of EMR: its id, one that is found by its name, or one that is made for the step. */
export type EmrCluster =
  | string
  | {
      readonly name: string
      /** Tags that it has: then a deployment may add steps to clusters with these tags alone. @default to all of the account and region */
      readonly tags?: { readonly [key: string]: string }
    }
  | { readonly transient: TransientCluster }

/** A cluster that is made for each attempt, and ends with it. */
export interface TransientCluster {
  /** Release of EMR, such as `emr-7.5.0`. */
  readonly release: string
  /** EC2 type of all its machines, such as `m5.xlarge`. */
  readonly instanceType: string
  /** How many machines it has. */
  readonly instances: number
  /** Name of the role of EMR itself. @default 'EMR_DefaultRole' */
  readonly serviceRole?: string
  /** Name of the role of its machines and of their instance profile, which are named alike. @default 'EMR_EC2_DefaultRole' */
  readonly instanceProfile?: string
  /** Id of the subnet. @default EMR chooses one of the default network */
  readonly subnet?: string
}

/** How a step of an EMR cluster is defined. */
export interface EmrStepOptions<
  F extends Fields,
  R extends Requires | undefined,
  O extends Output | undefined,
  S extends Secrets,
  B extends Budgets = Record<never, never>,
> extends EmrOptions<F, R, O, S, B> {
  cluster: EmrCluster
  /** ARN of the role that its program has, on a cluster with runtime roles. @default that of the cluster's machines */
  role?: string
  /** The log folder of the cluster (its `LogUri`), `s3://bucket/prefix`, which `sluice logs` reads. @default its lines are not read */
  logs?: string
  step: (context: EmrJobContext<ParamsOf<F>, R, O>) => EmrJob
}

/** A task that is a job of EMR; without an output its target is a marker. */
type EmrTask<F extends Fields, R extends Requires | undefined, O extends Output | undefined> = Task<
  F,
  [O] extends [undefined] ? MarkerTarget<Json> : O,
  R
>

/** What a definition says of its job, without its types. */
export interface EmrDefinition {
  service: 'emr-serverless' | 'emr-step'
  /** Of EMR Serverless: a name of the config or an id. */
  application?: string
  /** Of a step. */
  cluster?: EmrCluster
  /** Of a step. */
  role?: string
  /** Of a step. */
  logs?: string
  job: (context: EmrJobContext<never, never, never>) => EmrJob
  local?: LocalProgram<CommandContext<never, never, never>>
  files?: readonly string[]
}

/** Defines a task that is a job of EMR Serverless, and on one machine its `local`; docs/emr.md has the program's side. */
export function emrServerless<
  F extends Fields = Record<never, never>,
  R extends Requires | undefined = undefined,
  O extends Output | undefined = undefined,
  S extends Secrets = Record<never, never>,
  B extends Budgets = Record<never, never>,
>(family: string, options: EmrServerlessOptions<F, R, O, S, B>): EmrTask<F, R, O> {
  const { application, job, local, files, ...rest } = options
  const problems = [
    ...(isText(application)
      ? []
      : ['application must be a name of `emr` in the config, or the id of an application']),
    ...(typeof job === 'function' ? [] : ['job must be a function that returns { script, … }']),
    ...findFilesProblems(files),
    ...findLocalProblems(local, options.secrets),
  ]
  const emr = { service: 'emr-serverless', application, job, local, files } as EmrDefinition
  return defineJob(family, rest, emr, problems) as EmrTask<F, R, O>
}

/**
 * Defines a task that is a step of an EMR cluster; the rest is as for {@link emrServerless}.
 */
export function emrStep<
  F extends Fields = Record<never, never>,
  R extends Requires | undefined = undefined,
  O extends Output | undefined = undefined,
  S extends Secrets = Record<never, never>,
  B extends Budgets = Record<never, never>,
>(family: string, options: EmrStepOptions<F, R, O, S, B>): EmrTask<F, R, O> {
  const { cluster, role, logs, step, local, files, ...rest } = options
  const problems = [
    ...findClusterProblems(cluster),
    ...(role === undefined || isRoleArn(role)
      ? []
      : ["role must be the ARN of a role, such as 'arn:aws:iam::123456789012:role/clicks'"]),
    ...(role !== undefined && typeof cluster === 'object' && 'transient' in cluster
      ? ['a step of a transient cluster has the role of its machines: say instanceProfile instead of role']
      : []),
    ...(logs === undefined || (typeof logs === 'string' && isValidS3Uri(logs))
      ? []
      : ["logs must be the log folder of the cluster, such as 's3://bucket/prefix'"]),
    ...(typeof step === 'function' ? [] : ['step must be a function that returns { script, … }']),
    ...findFilesProblems(files),
    ...findLocalProblems(local, options.secrets),
  ]
  const emr = { service: 'emr-step', cluster, role, logs, job: step, local, files } as EmrDefinition
  return defineJob(family, rest, emr, problems) as EmrTask<F, R, O>
}

/** The options are typed for the user alone. */
const defineJob = (family: string, options: object, emr: EmrDefinition, problems: string[]): unknown =>
  defineTaskFamily(family, options as TaskOptions<Fields, Requires, Output, Secrets>, { emr, problems })

/** Whether a value is a text with something in it. */
export const isText = (value: unknown): value is string => typeof value === 'string' && value !== ''

/** Ids of applications: https://docs.aws.amazon.com/emr-serverless/latest/APIReference/API_StartJobRun.html */
const APPLICATION_ID = /^00[0-9a-z]{14}$/

/** Whether an application is named by its id, and not by the config. */
export const isApplicationId = (application: string): boolean => APPLICATION_ID.test(application)

/** What is wrong with the application of a job, if the config has these. */
export function findApplicationProblems(
  application: string | undefined,
  applications: readonly string[],
): string[] {
  if (!isText(application) || APPLICATION_ID.test(application) || applications.includes(application))
    return []
  return [
    `there is no application ${application}; \`emr\` of the config has ${applications.join(', ') || 'none'}`,
  ]
}

const CLUSTER_ID = /^j-[0-9A-Z]+$/
const CLUSTER =
  "cluster must be an id such as 'j-2AXXXXXXGAPLF', { name, tags } or { transient: { release, instanceType, instances } }"

const ROLE_NAME = /^[\w+=,.@-]{1,64}$/
/** What may be said of a transient cluster beside what has to. */
const TRANSIENT: { [name: string]: RegExp } = {
  serviceRole: ROLE_NAME,
  instanceProfile: ROLE_NAME,
  subnet: /^subnet-[0-9a-f]+$/,
}

function findClusterProblems(cluster: unknown): string[] {
  if (typeof cluster === 'string') return CLUSTER_ID.test(cluster) ? [] : [CLUSTER]
  if (typeof cluster !== 'object' || cluster === null) return [CLUSTER]
  if ('name' in cluster) {
    const { name, tags = {}, ...rest }: { name: unknown; tags?: object } = cluster
    const hasTags = typeof tags === 'object' && tags !== null && Object.values(tags).every(isText)
    return isText(name) && hasTags && Object.keys(rest).length === 0 ? [] : [CLUSTER]
  }
  if (!('transient' in cluster) || typeof cluster.transient !== 'object' || cluster.transient === null)
    return [CLUSTER]
  const { release, instanceType, instances, ...rest }: { [name: string]: unknown } = { ...cluster.transient }
  const isWhole =
    isText(release) && isText(instanceType) && Number.isInteger(instances) && Number(instances) > 0
  const odd = Object.entries(rest).filter(([name, value]) => TRANSIENT[name]?.test(String(value)) !== true)
  return [
    ...(isWhole ? [] : [CLUSTER]),
    ...odd.map(([name]) =>
      name in TRANSIENT
        ? `${name} of a transient cluster must be a name of AWS`
        : `there is no option ${name} of a transient cluster; there are release, instanceType, instances, ${Object.keys(TRANSIENT).join(', ')}`,
    ),
  ]
}

/**
 * What is wrong with the mode in which a step runs its program, a setting of Spark: to end a step is to end the command that it runs,
 * and only in mode `client` that is the program.
 */
export const findModeProblems = ({ spark = {} }: Partial<EmrJob>): string[] =>
  typeof spark[MODE] !== 'string' || spark[MODE] === 'client'
    ? []
    : [`a step could not end its program in any ${MODE} but client; leave it out`]

const MODE = 'spark.submit.deployMode'

const isRoleArn = (role: unknown) =>
  typeof role === 'string' && /^arn:aws[a-z-]*:iam::\d{12}:role\/[\w+=,.@/-]+$/.test(role)

const findFilesProblems = (files: unknown): string[] =>
  files === undefined || (Array.isArray(files) && files.every(isText))
    ? []
    : ["files must be a list of paths, such as ['spark/clicks.py']"]

/** The container of a `local`, if it is one. */
export const asLocalContainer = <C>(local: LocalProgram<C> | undefined): LocalContainer<C> | undefined =>
  typeof local === 'object' && 'image' in local ? local : undefined

function findLocalProblems(local: unknown, secrets: object = {}): string[] {
  if (local === undefined || typeof local === 'function' || isCommand(local)) return []
  if (Array.isArray(local) || typeof local !== 'object' || local === null || !('image' in local))
    return ['local must be a command (texts, or a function that returns them) or { image, command }']
  const {
    image,
    command,
    env,
    ...rest
  }: { image: unknown; command?: unknown; env?: { [name: string]: unknown } } = local
  return [
    ...findContainerProblems({ image, command, env, secrets }),
    ...Object.keys(rest).map((name) => `there is no option ${name}; there are image, command, env`),
  ].map((problem) => `local: ${problem}`)
}
