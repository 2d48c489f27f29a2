import { Tags } from 'aws-cdk-lib'
import * as ecs from 'aws-cdk-lib/aws-ecs'
import type * as lambda from 'aws-cdk-lib/aws-lambda'
import type * as logs from 'aws-cdk-lib/aws-logs'
import { Construct } from 'constructs'
import { Api } from './api.ts'
import { acknowledgeExceptions } from './constructs/exceptions.ts'
import { Containers } from './containers.ts'
import { Deciding } from './deciding.ts'
import { EmrJobs } from './emr-jobs.ts'
import type { Executions } from './executions.ts'
import { Foundation } from './foundation.ts'
import { JobEvents } from './job-events.ts'
import { Launching } from './launching.ts'
import { LaunchingPrograms } from './launching-programs.ts'
import { Monitoring } from './monitoring.ts'
import { addDeploymentOutputs } from './outputs.ts'
import { Planning } from './planning.ts'
import { LambdaPool, listPoolsOn } from './pools.ts'
import { Programs } from './programs.ts'
import type { DeployedProject } from './project.ts'
import type { Queues } from './queues.ts'
import type { Records } from './records.ts'
import { Scheduling } from './schedules.ts'
import { addTaskSecrets } from './secrets.ts'

/** Input of a deployment. */
export interface SluiceProps {
  /** The pipelines, pools and their code: `await readProject({ environment: 'prod' })`. */
  readonly project: DeployedProject
  /** Processor of the containers; what builds the images must be able to. @default ARM64 */
  readonly architecture?: ecs.CpuArchitecture
  /** Images of an earlier deployment, by pool: then none is built, and the code alone is replaced. @default they are built */
  readonly images?: { readonly [pool: string]: string }
  /** Secrets that stayed when an earlier stack of this name was removed: they are used, and not made again. @default [] */
  readonly keptSecrets?: readonly string[]
}

/** Tags that separate projects and environments in the account's bill. */
export const makeBillingTags = ({ project, name }: DeployedProject): { [key: string]: string } => ({
  ...(project === '' ? {} : { 'sluice:project': project }),
  'sluice:environment': name,
})

/**
 * All resources that the pipelines of a project need on AWS. While nothing runs they cost about $4.6 a month, and none has
 * an endpoint without IAM.
 */
export class Sluice extends Construct {
  readonly records: Records
  readonly queues: Queues
  readonly machines: Executions
  /** Sluice's own functions by name, and those of pools as `pool-NAME`. */
  readonly functions: { readonly [name: string]: lambda.Function }
  /** URL of the API; calls are signed with AWS credentials. */
  readonly apiUrl: string

  constructor(scope: Construct, id: string, { project, keptSecrets = [], ...props }: SluiceProps) {
    super(scope, id)
    const foundation = new Foundation(this, project)
    addTaskSecrets(foundation, keptSecrets)
    const containers = addContainers(foundation, props)
    const pools = Object.entries(listPoolsOn(project, 'lambda')).map(
      ([name, pool]) => new LambdaPool(foundation, name, pool),
    )
    const logGroups = new Map([
      ...(containers?.logGroups ?? []),
      ...pools.map(({ name, logGroup }) => [name, logGroup] as const),
    ])
    const jobs =
      project.jobs.pools.length === 0 ? undefined : new EmrJobs(this, 'Emr', { foundation, logGroups })
    const launching = new Launching(foundation, containers)
    const { advance, tick } = new Deciding(foundation, launching, { lambdaPools: pools, containers, jobs })
    const jobEvents = new JobEvents(foundation, launching, { containers, jobs })
    const planning = new Planning(foundation)
    const scheduling = new Scheduling(foundation, tick)
    const programs = addPrograms(foundation, { ...props, containers, logGroups })
    const shells = programs?.shells ?? []
    const api = new Api(
      foundation,
      logGroups,
      containers && shells.length > 0 ? { containers, definitions: shells } : undefined,
    )
    const own = {
      'launch-workers': launching.function,
      ...addProgramLaunches(foundation, { containers, programs, jobs }),
      advance,
      tick,
      'job-events': jobEvents.function,
      plan: planning.function,
      schedule: scheduling.function,
      api: api.function,
    }
    new Monitoring(this, 'Watching', {
      foundation,
      pools,
      containers,
      functions: own,
      machines: planning.executions.arns,
    })
    addDeploymentOutputs(foundation, api, containers)
    addTags(this, project, pools, containers)
    acknowledgeExceptions(this)

    this.records = foundation.records
    this.queues = foundation.queues
    this.machines = planning.executions
    this.functions = {
      ...Object.fromEntries(pools.map((pool) => [`pool-${pool.name}`, pool.function])),
      ...own,
    }
    this.apiUrl = api.url
  }
}

function addContainers(
  foundation: Foundation,
  { architecture = ecs.CpuArchitecture.ARM64, images = {} }: Pick<SluiceProps, 'architecture' | 'images'>,
): Containers | undefined {
  const pools = listPoolsOn(foundation.project, 'fargate')
  if (Object.keys(pools).length + foundation.project.programs.length === 0) return undefined
  return new Containers(foundation.scope, 'Containers', { foundation, pools, architecture, images })
}

/** The programs of tasks in containers, if the project has any. */
function addPrograms(
  foundation: Foundation,
  {
    containers,
    logGroups,
    architecture = ecs.CpuArchitecture.ARM64,
  }: Pick<SluiceProps, 'architecture'> & {
    containers: Containers | undefined
    logGroups: Map<string, logs.LogGroup>
  },
): Programs | undefined {
  if (containers === undefined || foundation.project.programs.length === 0) return undefined
  const programs = new Programs(foundation.scope, 'Programs', {
    foundation,
    containers,
    logGroups,
    architecture,
  })
  for (const { pool, definition } of [...programs.definitions, ...programs.shells]) tagPool(definition, pool)
  return programs
}

/** What launches programs and jobs of EMR, if there are any. */
function addProgramLaunches(
  foundation: Foundation,
  {
    containers,
    programs,
    jobs,
  }: { containers: Containers | undefined; programs: Programs | undefined; jobs: EmrJobs | undefined },
): { 'launch-programs'?: lambda.Function } {
  const ecs = containers && programs && { containers, programs }
  if (ecs === undefined && jobs === undefined) return {}
  return { 'launch-programs': new LaunchingPrograms(foundation, { ecs, jobs }).function }
}

/** Tags all resources, and the resources of one pool with its name; a pipeline's state machine has its own tag. */
function addTags(
  sluice: Construct,
  project: DeployedProject,
  pools: LambdaPool[],
  containers: Containers | undefined,
): void {
  for (const [key, value] of Object.entries({ ...project.environment.tags, ...makeBillingTags(project) }))
    Tags.of(sluice).add(key, value)
  for (const [pool, definition] of containers?.definitions ?? []) tagPool(definition, pool)
  for (const pool of pools) for (const part of [pool.function, pool.logGroup]) tagPool(part, pool.name)
}

const tagPool = (part: Construct, pool: string) => Tags.of(part).add('sluice:pool', pool)
