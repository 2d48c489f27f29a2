import { z } from 'zod'
import { isKnownTimeZone } from '../core/cron.ts'
import { type Limits, PLAN_BOUNDS, type PoolLimit } from '../core/limits.ts'
import { DEFAULT_POOL } from '../core/plan.ts'
import type { BudgetPeriod } from '../core/records/lock-and-limit.ts'
import { isS3Uri, isValidS3Uri } from '../core/s3-uri.ts'
import { type Allowed, POOL_RIGHTS, STACK_OPTIONS, type StackOptions } from './deployment-options.ts'
import { EMR_APPLICATION, type EmrApplication } from './emr-application.ts'
import { isPipeline, type Pipeline } from './pipeline.ts'

/** Where pipelines live: on this machine or, with a `region`, on AWS. */
export interface Environment extends StackOptions {
  /**
   * Folder of the targets, relative to the config; on AWS `s3://bucket/prefix` of a bucket that is there.
   * @default 'data'; on AWS a bucket of the deployment
   */
  storage?: string
  /** The AWS region; makes the environment a deployment. */
  region?: string
  /** The AWS account, twelve digits. @default that of the credentials */
  account?: string
  /** The CloudFormation stack. @default 'sluice-', the project's name and that of the environment */
  stack?: string
  /** What tasks may read besides targets: `s3://bucket/prefix`. @default nothing */
  reads?: string[]
  /** Plain environment variables of planning and of tasks; never secrets. */
  variables?: { [name: string]: string }
  /** Packages that cannot be bundled, such as those with compiled parts; containers install them from the lockfile. */
  external?: string[]
  /** The image that containers are built on. @default the slim image of `nodeVersion` */
  baseImage?: string
  /** Node of the containers. @default '24' */
  nodeVersion?: string
  /** Who is told of alarms. @default nobody: the topic has no subscriber */
  alarmEmail?: string
  /** URL of a page with an article on each alarm, which alarms link. @default the page docs/operations.md of this package */
  runbook?: string
  /** @default 30 */
  logRetentionDays?: number
  /** An existing network by its id. @default one of its own, public subnets without ingress */
  vpcId?: string
  /** Containers run in private subnets: they need a way out (NAT or endpoints) that costs. @default false */
  privateSubnets?: boolean
}

/** A pool: its limits, and on AWS the place where its tasks run. One machine heeds the limits alone. */
export interface Pool extends PoolLimit {
  /** @default 'lambda': up to 15 minutes a task, in TypeScript */
  runsOn?: 'lambda' | 'fargate'
  /** Memory of a function (128 to 10,240) or container. @default 1024, Fargate 2048 */
  memoryMb?: number
  /** Fargate: CPU units, 1,024 a core; AWS allows certain pairs with memory. @default 512 */
  cpu?: number
  /** Fargate: on spare capacity first. @default true */
  spot?: boolean
  /** Fargate: a container ends after so many tasks; 1 gives each its own. @default it drains the queue */
  tasksPerWorker?: number
  /** Fargate: a worker ends after so long without work. @default 60 */
  idleSeconds?: number
  /** On AWS: what its tasks may do beside reading and writing targets. @default nothing */
  allows?: Allowed[]
  /** On AWS: managed policies of its tasks, by the name of one of AWS's or by ARN. @default none */
  policies?: string[]
}

/** What `sluice.config.ts` exports. */
export interface Config {
  /** Names the project if several share an AWS account. @default the name in package.json */
  name?: string
  /**
   * Pipelines, or paths and globs (relative to the config) of modules that export them. A module that does not
   * load stops only its own pipelines.
   */
  pipelines: (Pipeline | string)[]
  /** Queues with limits of their own. The pool `default` is always there. */
  pools?: { [name: string]: Pool }
  /** What only so many attempts may use at once: `{ db: { limit: 2 } }`. */
  resources?: { [name: string]: { limit: number } }
  /** Quotas of outside services, shared by all pipelines: `{ mag: { limit: 10_000, per: 'month', timeZone: 'UTC' } }`. */
  budgets?: { [name: string]: { limit: number; per: BudgetPeriod; timeZone?: string } }
  /** Applications of EMR Serverless by name, for `emrServerless`; `deploy` makes them. */
  emr?: { [name: string]: EmrApplication }
  /** Up to where planning goes, because `requires` may lead on for ever. @default { maxTasks: 2_000_000, maxDepth: 200_000 } */
  plans?: { maxTasks?: number; maxDepth?: number }
  /**
   * Largest log of one attempt on one machine, in MB: of a longer one the first half and the newest quarter to half are
   * kept, and the log says how much is left out. @default { maxMb: 1024 }
   */
  logs?: { maxMb?: number }
  /** `dev` is this machine. @default { dev: { storage: 'data' } } */
  environments?: { [name: string]: Environment }
}

/** Types the config; it is checked when the command loads it. */
export function defineConfig(config: Config): Config {
  return config
}

const count = z.int().min(1)
const names = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9_-]{0,49}$/, 'a name is a letter, then up to 49 letters, digits, _ or -')
const timeZone = z.string().refine(isKnownTimeZone, {
  error: (issue) => `there is no time zone ${JSON.stringify(issue.input)}; write one such as Europe/London`,
})

const POOL = z.strictObject({
  concurrency: count.optional(),
  maxMemoryMb: z.int().min(32).optional(),
  runsOn: z.enum(['lambda', 'fargate']).optional(),
  memoryMb: z.int().min(128).max(122_880).optional(),
  cpu: z.literal([256, 512, 1024, 2048, 4096, 8192, 16_384]).optional(),
  spot: z.boolean().optional(),
  tasksPerWorker: count.optional(),
  idleSeconds: count.optional(),
  ...POOL_RIGHTS,
})

const ENVIRONMENT = z
  .strictObject({
    storage: z.string().min(1, 'must be the path of a folder, or s3://bucket/prefix').optional(),
    region: z
      .string()
      .regex(/^[a-z]{2}(-[a-z]+)+-\d$/, 'must be an AWS region such as eu-west-2')
      .optional(),
    account: z
      .string()
      .regex(/^\d{12}$/, 'must be the twelve digits of an AWS account')
      .optional(),
    stack: z
      .string()
      .regex(/^[A-Za-z][A-Za-z0-9-]{0,29}$/, 'must be a letter, then up to 29 letters, digits or hyphens')
      .optional(),
    reads: z.array(z.string().refine(isValidS3Uri, 'must be s3://bucket/prefix')).optional(),
    variables: z.record(z.string(), z.string()).optional(),
    external: z.array(z.string()).optional(),
    baseImage: z.string().min(1).optional(),
    nodeVersion: z.string().min(1).optional(),
    alarmEmail: z.email().optional(),
    runbook: z.url({ protocol: /^https?$/ }).optional(),
    logRetentionDays: z
      .literal([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557])
      .optional(),
    vpcId: z.string().startsWith('vpc-').optional(),
    privateSubnets: z.boolean().optional(),
    ...STACK_OPTIONS,
  })
  .superRefine(({ region, storage }, context) => {
    const isS3 = storage !== undefined && isS3Uri(storage)
    if (region === undefined && isS3)
      context.addIssue('targets in S3 need a region: the environment is a deployment')
    if (region !== undefined && storage !== undefined && !isValidS3Uri(storage))
      context.addIssue('a deployment keeps its targets in S3: write s3://bucket/prefix, or leave storage out')
  })

const SCHEMA = z.strictObject({
  name: names.optional(),
  pipelines: z.array(
    z.custom<Pipeline | string>(
      (each) => typeof each === 'string' || isPipeline(each),
      'must be pipeline(…) or the path of a module',
    ),
    'must be an array',
  ),
  pools: z.record(names, POOL).default({}),
  resources: z.record(names, z.strictObject({ limit: count })).default({}),
  budgets: z
    .record(
      names,
      z.strictObject({
        limit: count,
        per: z.enum(['minute', 'hour', 'day', 'week', 'month', 'year']),
        timeZone: timeZone.default('UTC'),
      }),
    )
    .default({}),
  emr: z.record(names, EMR_APPLICATION).default({}),
  plans: z.strictObject({ maxTasks: count.optional(), maxDepth: count.optional() }).optional(),
  logs: z.strictObject({ maxMb: count.optional() }).optional(),
  environments: z.record(names, ENVIRONMENT).default({}),
})

/** A config that was checked. */
export interface CheckedConfig {
  /** Absent if the config says none. */
  name?: string
  pipelines: (Pipeline | string)[]
  limits: Limits
  /** Every pool, `default` included. */
  pools: { [name: string]: Pool }
  emr: { [name: string]: EmrApplication }
  environments: { [name: string]: Environment }
}

/** Checks what a config module exports; every problem is a sentence, and what is right can still be looked at. */
export function checkExportedConfig(exported: unknown): { config: CheckedConfig; problems: string[] } {
  if (typeof exported !== 'object' || exported === null) return { config: EMPTY, problems: [NO_EXPORT] }
  const parsed = SCHEMA.safeParse(exported)
  if (parsed.success) return { config: toConfig(parsed.data), problems: [] }
  const { pipelines } = exported as Partial<Config>
  const usable = Array.isArray(pipelines)
    ? pipelines.filter((each) => typeof each === 'string' || isPipeline(each))
    : []
  return { config: { ...EMPTY, pipelines: usable }, problems: parsed.error.issues.map(formatConfigProblem) }
}

const NO_EXPORT = 'it has no default export; write `export default defineConfig({ pipelines: [ … ] })`'
const EMPTY: CheckedConfig = {
  pipelines: [],
  limits: { pools: {}, resources: {}, budgets: {} },
  pools: {},
  emr: {},
  environments: {},
}

function toConfig({
  name,
  pipelines,
  pools,
  resources,
  budgets,
  emr,
  plans,
  logs,
  environments,
}: z.output<typeof SCHEMA>): CheckedConfig {
  const all: { [name: string]: Pool } = { [DEFAULT_POOL]: {}, ...pools }
  const limits: Limits = {
    pools: Object.fromEntries(Object.entries(all).map(([name, pool]) => [name, makePoolLimits(pool)])),
    resources,
    budgets,
    ...(plans === undefined ? {} : { plans: { ...PLAN_BOUNDS, ...plans } }),
    ...(logs?.maxMb === undefined ? {} : { maxLogMb: logs.maxMb }),
  }
  return {
    ...(name === undefined ? {} : { name }),
    pipelines,
    limits,
    pools: all,
    emr,
    environments,
  }
}

const makePoolLimits = ({ concurrency, maxMemoryMb }: Pool): PoolLimit => ({
  ...(concurrency === undefined ? {} : { concurrency }),
  ...(maxMemoryMb === undefined ? {} : { maxMemoryMb }),
})

function formatConfigProblem(issue: z.core.$ZodIssue): string {
  const where = issue.path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('')
  const at = where.replace(/^\./, '')
  if (issue.code === 'unrecognized_keys')
    return `there is no setting ${issue.keys.join(', ')}${at && ` in ${at}`}; there are ${Object.keys(SCHEMA.shape).join(', ')}`
  if (issue.code === 'invalid_key') return `${at}: ${issue.issues[0]?.message}`
  return `${at}: ${issue.message}`
}
