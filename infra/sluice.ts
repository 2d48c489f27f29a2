import { ArnFormat, CfnOutput, Duration, Fn, RemovalPolicy, Stack, Tags } from 'aws-cdk-lib'
import * as ecs from 'aws-cdk-lib/aws-ecs'
import * as events from 'aws-cdk-lib/aws-events'
import * as targets from 'aws-cdk-lib/aws-events-targets'
import * as lambda from 'aws-cdk-lib/aws-lambda'
import type * as logs from 'aws-cdk-lib/aws-logs'
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager'
import { Construct, type IConstruct } from 'constructs'
import { EVENTS, imagesOutput, OUTPUTS } from '../src/core/names.ts'
import { machineArn } from './constructs/arns.ts'
import { Containers } from './constructs/containers.ts'
import { acknowledgeExceptions } from './constructs/exceptions.ts'
import { OwnFunction } from './constructs/function.ts'
import type { Grants } from './constructs/grants.ts'
import { Machines, Schedules } from './constructs/machines.ts'
import { Queues } from './constructs/queues.ts'
import { Records } from './constructs/records.ts'
import { Watching } from './constructs/watching.ts'
import { feedChanges, feedMessages } from './event-sources.ts'
import {
  type Foundation,
  foundationOf,
  machineNames,
  memoryOf,
  poolOf,
  poolsOn,
  retentionOf,
} from './foundation.ts'
import { Layout } from './layout.ts'
import type { DeployedProject } from './project.ts'
import { Rights } from './rights.ts'
import { type SettingParts, variablesOf } from './settings.ts'

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
export const tagsOf = ({ project, name }: DeployedProject): { [key: string]: string } => ({
  ...(project === '' ? {} : { 'sluice:project': project }),
  'sluice:environment': name,
})

/** Longest timeout of Lambda. */
const LONGEST = Duration.minutes(15)
/** A pattern of EventBridge has 2,048 characters, and an ARN about 70 beside the name of its machine. */
const PATTERN_CHARACTERS = 1_800
const ARN_CHARACTERS = 70
/** Sluice's own functions, with their purposes. */
const DESCRIPTIONS = {
  schedule: 'Starts the intervals of schedules that are missing',
  plan: 'Plans a run and notes who waits for its end',
  advance: 'Does what changed records ask for',
  'launch-workers': 'Launches containers that a pool is missing',
  tick: 'Brings what is due, every minute',
  'job-events': 'Hears of executions that were stopped, and containers that have',
  api: 'Answers the command and the console',
} as const
type OwnPart = keyof typeof DESCRIPTIONS

/** Options of one of these functions. */
interface PartProps extends SettingParts {
  allows: Grants
  timeout: Duration
  /** @default 512 */
  memoryMb?: number
}

/**
 * All resources that the pipelines of a project need on AWS. While nothing runs they cost about $4.6 a month, and none has
 * an endpoint without IAM.
 */
export class Sluice extends Construct {
  readonly records: Records
  readonly queues: Queues
  readonly machines: Machines
  readonly functions: { [name: string]: lambda.Function } = {}
  /** URL of the API; calls are signed with AWS credentials. */
  readonly apiUrl: string
  readonly #foundation: Foundation
  readonly #rights: Rights
  /** Resources that only the tasks of one pool use. */
  readonly #poolParts = new Map<string, IConstruct[]>()
  /** Log groups of each pool's tasks. */
  readonly #logGroups = new Map<string, logs.LogGroup>()

  constructor(scope: Construct, id: string, props: SluiceProps) {
    super(scope, id)
    const { project } = props
    this.records = new Records(this, 'Records')
    const layout = new Layout(this, project)
    const pools = Object.keys(project.pools)
    this.queues = new Queues(this, 'Queues', { layout, pools, functionTimeout: LONGEST })
    this.#foundation = foundationOf(project, { layout, records: this.records, queues: this.queues })
    this.#rights = new Rights(this, this.#foundation)
    this.addSecrets(props)
    const containers = this.addContainers(props)
    for (const pool of poolsOn(project, 'lambda')) this.addLambdaPool(pool)
    const tick = this.addDeciders(containers)
    this.machines = this.addMachines()
    this.addSchedules(tick)
    this.apiUrl = this.addApi()
    this.watch()
    this.addOutputs(containers)
    this.addTags(project)
    acknowledgeExceptions(this)
  }

  /** Secrets without a value, so that no template has a value and a missing value is noticed. */
  private addSecrets({ keptSecrets = [] }: SluiceProps): void {
    const { project, secretsPrefix } = this.#foundation
    for (const name of project.secrets.filter((each) => !keptSecrets.includes(each))) {
      const secret = new secretsmanager.CfnSecret(this, `Secret-${name}`, {
        name: `${secretsPrefix}${name}`,
        description: `For tasks of ${project.name}; its value is set by: sluice secrets set ${name}`,
      })
      secret.applyRemovalPolicy(RemovalPolicy.RETAIN)
    }
  }

  private addContainers({ architecture, images = {} }: SluiceProps): Containers | undefined {
    const { project, layout } = this.#foundation
    const names = poolsOn(project, 'fargate')
    if (names.length === 0) return undefined
    const containers = new Containers(this, 'Containers', {
      environment: project.environment,
      layout,
      pools: Object.fromEntries(names.map((name) => [name, poolOf(project, name)])),
      variables: (pool) => variablesOf(this, this.#foundation, 'worker', { pool }),
      allows: (pool) => this.#rights.pool(pool),
      logRetentionDays: retentionOf(project),
      logGroupName: (pool) => this.logGroupName(pool),
      architecture: architecture ?? ecs.CpuArchitecture.ARM64,
      images,
    })
    for (const [pool, group] of containers.logGroups) this.#logGroups.set(pool, group)
    for (const [pool, definition] of containers.definitions) this.#poolParts.set(pool, [definition])
    return containers
  }

  private addLambdaPool(name: string): void {
    const { project, layout } = this.#foundation
    const pool = poolOf(project, name)
    const { function: worker, logGroup } = new OwnFunction(layout.poolScope(name, this), `Pool-${name}`, {
      description: `Tasks of the pool ${name}`,
      folder: pool.folder,
      module: 'index',
      environment: {
        ...project.environment.variables,
        ...variablesOf(this, this.#foundation, 'lambda-worker', { pool: name }),
      },
      allows: this.#rights.pool(name),
      logRetentionDays: retentionOf(project),
      timeout: LONGEST,
      memoryMb: memoryOf(pool),
      logGroupName: this.logGroupName(name),
    })
    this.functions[`pool-${name}`] = worker
    this.#poolParts.set(name, [worker, logGroup])
    this.#logGroups.set(name, logGroup)
    feedMessages(worker, this.queues, name, pool.concurrency)
  }

  /** The functions that decide: `advance`, `tick` and `job-events`. Returns `tick`. */
  private addDeciders(containers: Containers | undefined): lambda.Function {
    const minute = Duration.minutes(1)
    const rights = this.#rights
    const launcher = this.addFunction('launch-workers', {
      allows: rights.launchWorkers(containers),
      timeout: minute,
      containers,
    })
    const wakes = { containers, launcher: launcher.functionName }
    const advance = this.addFunction('advance', {
      ...wakes,
      allows: rights.advance(launcher),
      timeout: minute,
      memoryMb: 1024,
    })
    feedChanges(advance, this.records, this.queues)
    const functions = poolsOn(this.#foundation.project, 'lambda')
    const { arns, logGroups } = this.logsOf((pool) => functions.includes(pool))
    const tick = this.addFunction('tick', {
      ...wakes,
      logGroups,
      allows: rights.tick(launcher, arns),
      timeout: Duration.minutes(5),
    })
    const jobEvents = this.addFunction('job-events', {
      ...wakes,
      allows: rights.jobEvents(launcher),
      timeout: minute,
    })
    this.listen(jobEvents, containers)
    return tick
  }

  private listen(heard: lambda.Function, containers: Containers | undefined): void {
    new events.Rule(this, 'StoppedExecutions', {
      eventPattern: {
        source: [EVENTS.execution.source],
        detailType: [EVENTS.execution.detailType],
        detail: { status: [EVENTS.execution.status], stateMachineArn: this.machinesToHear() },
      },
      targets: [new targets.LambdaFunction(heard)],
    })
    if (containers === undefined) return
    new events.Rule(this, 'StoppedContainers', {
      eventPattern: {
        source: [EVENTS.container.source],
        detailType: [EVENTS.container.detailType],
        detail: { lastStatus: [EVENTS.container.status], clusterArn: [containers.cluster.clusterArn] },
      },
      targets: [new targets.LambdaFunction(heard)],
    })
  }

  /** The state machines by their ARNs while a pattern has room for them; then by their prefix. */
  private machinesToHear(): unknown[] {
    const names = machineNames(this.#foundation)
    const arns = names.map((name) => machineArn(this, name))
    const length = names.reduce((sum, name) => sum + name.length + ARN_CHARACTERS, 0)
    if (!this.#foundation.layout.isSpread && length <= PATTERN_CHARACTERS) return arns
    // What is heard of another stack's executions is noted, and changes nothing.
    return [{ prefix: machineArn(this, this.#foundation.layout.prefix) }]
  }

  private addMachines(): Machines {
    const { project, layout } = this.#foundation
    const plan = this.addFunction('plan', { allows: this.#rights.plan(), timeout: LONGEST, memoryMb: 2048 })
    return new Machines(this, 'Machines', {
      pipelines: project.pipelines,
      planArn: plan.functionArn,
      layout,
      logRetentionDays: retentionOf(project),
    })
  }

  private addSchedules(tick: lambda.Function): void {
    const { layout } = this.#foundation
    const schedule = this.addFunction('schedule', {
      allows: this.#rights.schedule(),
      timeout: Duration.minutes(5),
    })
    new Schedules(this, 'Schedules', {
      scheduleArn: schedule.functionArn,
      tickArn: tick.functionArn,
      deadLetters: this.queues.schedules,
      layout,
    })
  }

  private addApi(): string {
    const { arns, logGroups } = this.logsOf(() => true)
    const api = this.addFunction('api', {
      allows: this.#rights.api(arns),
      logGroups,
      timeout: Duration.minutes(1),
      memoryMb: 1024,
    })
    return api.addFunctionUrl({ authType: lambda.FunctionUrlAuthType.AWS_IAM }).url
  }

  /** Log groups of some pools: each by name, or those of all pools by a common prefix. */
  private logsOf(isWanted: (pool: string) => boolean): {
    arns: string[]
    logGroups: { [pool: string]: string }
  } {
    const { layout } = this.#foundation
    const groups = [...this.#logGroups].filter(([pool]) => isWanted(pool))
    if (!layout.isSpread)
      return {
        arns: groups.map(([, { logGroupArn }]) => logGroupArn),
        logGroups: Object.fromEntries(groups.map(([name, { logGroupName }]) => [name, logGroupName])),
      }
    const arn = Stack.of(this).formatArn({
      service: 'logs',
      resource: 'log-group',
      resourceName: `/sluice/${layout.stackName}/*`,
      arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    })
    return { arns: [arn], logGroups: { '*': `${this.logGroupName('')}` } }
  }

  /** Log groups of the larger layout have names, so that the API finds them; no later stack uses the same names. */
  private logGroupName(pool: string): string | undefined {
    const { isSpread, stackName, stackNonce } = this.#foundation.layout
    return isSpread ? `/sluice/${stackName}/${stackNonce}/${pool}` : undefined
  }

  private addFunction(name: OwnPart, { allows, timeout, memoryMb, ...parts }: PartProps): lambda.Function {
    const { project } = this.#foundation
    const folder = project.functions[name]
    if (folder === undefined) throw new Error(`the function ${name} was not bundled`)
    const own = new OwnFunction(this, name, {
      description: DESCRIPTIONS[name],
      folder,
      module: `${name}/index`,
      environment: {
        ...project.environment.variables,
        ...variablesOf(this, this.#foundation, name, parts),
      },
      allows,
      logRetentionDays: retentionOf(project),
      timeout,
      ...(memoryMb === undefined ? {} : { memoryMb }),
      reserved: project.environment.reservedConcurrency?.[name],
    })
    this.functions[name] = own.function
    return own.function
  }

  private watch(): void {
    const { project } = this.#foundation
    new Watching(this, 'Watching', {
      environment: project.name,
      functions: this.functions,
      queues: Object.fromEntries([...this.queues.pools].map(([name, { queue }]) => [name, queue])),
      deadLetters: this.queues.deadLetters,
      layout: this.#foundation.layout,
      budgets: project.budgets,
      alarmEmail: project.environment.alarmEmail,
    })
  }

  /** Tags all resources, and the resources of one pool with its name; a pipeline's state machine has its own tag. */
  private addTags(project: DeployedProject): void {
    for (const [key, value] of Object.entries({ ...project.environment.tags, ...tagsOf(project) }))
      Tags.of(this).add(key, value)
    for (const [pool, parts] of this.#poolParts)
      for (const part of parts) Tags.of(part).add('sluice:pool', pool)
  }

  /** Outputs by which the command finds the deployment. */
  private addOutputs(containers: Containers | undefined): void {
    const output = (name: string, value: string) =>
      new CfnOutput(this, name, { value }).overrideLogicalId(name)
    output(OUTPUTS.apiUrl, this.apiUrl)
    output(OUTPUTS.project, this.#foundation.project.project || this.#foundation.layout.stackName)
    output(OUTPUTS.storage, this.#foundation.storage)
    if (containers === undefined) return
    output(OUTPUTS.cluster, containers.cluster.clusterName)
    output(OUTPUTS.subnets, Fn.join(',', containers.subnets))
    output(OUTPUTS.securityGroup, containers.securityGroup.securityGroupId)
    output(OUTPUTS.publicIp, String(containers.isPublic))
    output(OUTPUTS.families, this.#foundation.layout.prefix)
    for (const [index, images] of groupsOf(Object.entries(containers.images)).entries())
      output(imagesOutput(index), Stack.of(this).toJsonString(Object.fromEntries(images)))
  }
}

/** Images that fit one output: it has 4,096 bytes, https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html */
const IMAGES_OF_AN_OUTPUT = 12

function groupsOf<T>(all: T[]): T[][] {
  const groups: T[][] = []
  for (let start = 0; start < all.length; start += IMAGES_OF_AN_OUTPUT)
    groups.push(all.slice(start, start + IMAGES_OF_AN_OUTPUT))
  return groups
}
