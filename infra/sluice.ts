import { CfnOutput, Duration, Fn, RemovalPolicy, Stack } from 'aws-cdk-lib'
import * as ecs from 'aws-cdk-lib/aws-ecs'
import * as events from 'aws-cdk-lib/aws-events'
import * as targets from 'aws-cdk-lib/aws-events-targets'
import type * as iam from 'aws-cdk-lib/aws-iam'
import * as lambda from 'aws-cdk-lib/aws-lambda'
import * as sources from 'aws-cdk-lib/aws-lambda-event-sources'
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager'
import { Construct } from 'constructs'
import { type Part, SETTINGS_OF, type Setting, variableOf } from '../src/handlers/environment.ts'
import { Containers } from './constructs/containers.ts'
import { acknowledgeExceptions } from './constructs/exceptions.ts'
import { OwnFunction } from './constructs/function.ts'
import { arnOf, Machines, Schedules } from './constructs/machines.ts'
import { allow, Permissions, s3Parts } from './constructs/permissions.ts'
import { Queues } from './constructs/queues.ts'
import { Records } from './constructs/records.ts'
import { Watching } from './constructs/watching.ts'
import type { DeployedPool, DeployedProject } from './project.ts'

/** What a deployment is made from. */
export interface SluiceProps {
  /** The pipelines, pools and their code: `await readProject({ environment: 'prod' })`. */
  readonly project: DeployedProject
  /** Processor of the containers; what builds the images must be able to. @default ARM64 */
  readonly architecture?: ecs.CpuArchitecture
  /** Images of an earlier deployment, by pool: then none is built, and the code alone is replaced. @default they are built */
  readonly images?: { readonly [pool: string]: string }
}

const DEFAULT_RETENTION_DAYS = 30
const DEFAULT_CONTAINERS = 10
const DEFAULT_LAMBDA_MB = 1024
/** The longest that Lambda gives. */
const FIFTEEN_MINUTES = Duration.minutes(15)
const IDLE_SECONDS = 60
/** Event sources begin at two. */
const LEAST_CONCURRENCY = 2
/** Functions that are Sluice's own, with what they are for. */
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

/**
 * Everything that the pipelines of a project need on AWS. Nothing of it costs much while nothing runs, and nothing has
 * a public way in.
 */
export class Sluice extends Construct {
  readonly records: Records
  readonly queues: Queues
  readonly machines: Machines
  readonly functions: { [name: string]: lambda.Function } = {}
  /** URL of the API; calls are signed with AWS credentials. */
  readonly apiUrl: string
  readonly #project: DeployedProject
  readonly #prefix: string
  readonly #permissions: Permissions
  readonly #storage: string
  readonly #logGroups = new Map<string, { name: string; arn: string }>()

  constructor(
    scope: Construct,
    id: string,
    { project, architecture = ecs.CpuArchitecture.ARM64, images = {} }: SluiceProps,
  ) {
    super(scope, id)
    this.#project = project
    this.#prefix = `${Stack.of(this).stackName}-`
    this.records = new Records(this, 'Records')
    this.#permissions = new Permissions(Stack.of(this), this.records)
    this.#storage = project.environment.storage ?? `s3://${this.records.bucket.bucketName}/targets`
    this.queues = new Queues(this, 'Queues', Object.keys(project.pools), FIFTEEN_MINUTES)
    this.addSecrets()
    const containers = this.addContainers(architecture, images)
    for (const pool of this.poolsOn('lambda')) this.addLambdaPool(pool)
    const launcher = this.addFunction('launch-workers', this.launcherStatements(containers), containers)
    const sends = this.addDeciders(launcher, containers)
    const plan = this.addFunction('plan', [...this.running('write'), ...this.answers()], containers, {
      timeout: FIFTEEN_MINUTES,
      memoryMb: 2048,
    })
    this.machines = new Machines(this, 'Machines', {
      pipelines: project.pipelines,
      planArn: plan.functionArn,
      prefix: this.#prefix,
      logRetentionDays: this.retention,
    })
    this.addSchedules(sends.tick)
    const api = this.addApi()
    this.apiUrl = api
    new Watching(this, 'Watching', {
      environment: project.name,
      functions: this.functions,
      queues: Object.fromEntries([...this.queues.pools].map(([name, { queue }]) => [name, queue])),
      deadLetters: this.queues.deadLetters,
      machineArns: this.machines.arns,
      alarmEmail: project.environment.alarmEmail,
    })
    this.addOutputs(containers)
    acknowledgeExceptions(this)
  }

  private get retention(): number {
    return this.#project.environment.logRetentionDays ?? DEFAULT_RETENTION_DAYS
  }

  private poolsOn(place: 'lambda' | 'fargate'): string[] {
    const { pools } = this.#project
    return Object.keys(pools).filter((name) => (pools[name]?.runsOn ?? 'lambda') === place)
  }

  private pool(name: string): DeployedPool {
    const pool = this.#project.pools[name]
    if (pool === undefined) throw new Error(`there is no pool ${name}`)
    return pool
  }

  private get machineArns(): string[] {
    return [...this.#project.pipelines.map(({ name }) => name), 'Tasks'].map((name) =>
      arnOf(this, `${this.#prefix}${name}`),
    )
  }

  private answers(): iam.PolicyStatement[] {
    return this.#permissions.answerRuns(this.machineArns)
  }

  /** Records, plans, and looking at targets. */
  private running(plans: 'read' | 'write'): iam.PolicyStatement[] {
    const { bucket, prefix } = s3Parts(this.#storage)
    return [
      ...this.#permissions.records(),
      ...this.#permissions.plans(plans),
      ...this.#permissions.objects(bucket, prefix, 'read'),
      ...this.reading(),
    ]
  }

  private reading(): iam.PolicyStatement[] {
    return (this.#project.environment.reads ?? []).flatMap((uri) => {
      const { bucket, prefix } = s3Parts(uri)
      return this.#permissions.objects(bucket, prefix, 'read')
    })
  }

  /** What the tasks of a pool may do: its messages, records, targets, and its own secrets. */
  private working(pool: string): iam.PolicyStatement[] {
    const { bucket, prefix } = s3Parts(this.#storage)
    const queue = this.queues.pools.get(pool)?.queue
    return [
      ...this.#permissions.records(),
      ...this.#permissions.plans('write'),
      ...this.#permissions.objects(bucket, prefix, 'write'),
      ...this.reading(),
      ...this.#permissions.secrets(this.pool(pool).secrets, this.secretsPrefix, 'read'),
      ...(queue === undefined
        ? []
        : [...this.#permissions.take([queue]), ...this.#permissions.send([queue])]),
    ]
  }

  private get secretsPrefix(): string {
    return `${this.#prefix.slice(0, -1)}/`
  }

  /** Secrets without a value: none is in a template, and one that was not set is told from one that is. */
  private addSecrets(): void {
    for (const name of this.#project.secrets) {
      const secret = new secretsmanager.CfnSecret(this, `Secret-${name}`, {
        name: `${this.secretsPrefix}${name}`,
        description: `For tasks of ${this.#project.name}; its value is set by: sluice secrets set ${name}`,
      })
      secret.applyRemovalPolicy(RemovalPolicy.DESTROY)
    }
  }

  private addContainers(
    architecture: ecs.CpuArchitecture,
    images: { [pool: string]: string },
  ): Containers | undefined {
    const names = this.poolsOn('fargate')
    if (names.length === 0) return undefined
    const containers = new Containers(this, 'Containers', {
      environment: this.#project.environment,
      prefix: this.#prefix,
      pools: Object.fromEntries(names.map((name) => [name, this.pool(name)])),
      variables: (pool) => this.variables('worker', undefined, pool),
      allows: (pool) => this.working(pool),
      logRetentionDays: this.retention,
      architecture,
      images,
    })
    for (const [pool, group] of containers.logGroups)
      this.#logGroups.set(pool, { name: group.logGroupName, arn: group.logGroupArn })
    return containers
  }

  private addLambdaPool(name: string): void {
    const pool = this.pool(name)
    const { function: worker, logGroup } = new OwnFunction(this, `Pool-${name}`, {
      description: `Tasks of the pool ${name}`,
      folder: pool.folder,
      module: 'index',
      environment: {
        ...this.#project.environment.variables,
        ...this.variables('lambda-worker', undefined, name),
      },
      allows: this.working(name),
      logRetentionDays: this.retention,
      timeout: FIFTEEN_MINUTES,
      memoryMb: pool.memoryMb ?? DEFAULT_LAMBDA_MB,
    })
    this.functions[`pool-${name}`] = worker
    this.#logGroups.set(name, { name: logGroup.logGroupName, arn: logGroup.logGroupArn })
    const queue = this.queues.pools.get(name)?.queue
    if (queue === undefined) return
    worker.addEventSource(
      new sources.SqsEventSource(queue, {
        batchSize: 1,
        reportBatchItemFailures: true,
        ...(pool.concurrency === undefined
          ? {}
          : { maxConcurrency: Math.max(pool.concurrency, LEAST_CONCURRENCY) }),
      }),
    )
    allowLoops(worker)
  }

  private launcherStatements(containers: Containers | undefined): iam.PolicyStatement[] {
    const pools = this.poolsOn('fargate')
    const queues = pools.flatMap((pool) => this.queues.pools.get(pool)?.queue ?? [])
    return [
      ...this.#permissions.measure(queues),
      ...(containers?.launchStatements(this.#prefix, pools) ?? []),
    ]
  }

  /** The functions that decide: what changed, what is due, what was told by others. */
  private addDeciders(launcher: lambda.Function, containers: Containers | undefined) {
    const queues = [...this.queues.pools.values()].map(({ queue }) => queue)
    const deciding = [
      ...this.#permissions.records(),
      ...this.#permissions.plans('write'),
      ...this.#permissions.send(queues),
    ]
    const wakes = [allow(['lambda:InvokeFunction'], [launcher.functionArn])]
    const minute = { timeout: Duration.minutes(1) }
    const advance = this.addFunction(
      'advance',
      [...deciding, ...wakes, ...this.answers(), ...this.#permissions.send([this.queues.repair.queue])],
      containers,
      { ...minute, memoryMb: 1024 },
    )
    advance.addEventSource(
      new sources.DynamoEventSource(this.records.table, {
        startingPosition: lambda.StartingPosition.TRIM_HORIZON,
        batchSize: 500,
        parallelizationFactor: 4,
        retryAttempts: 3,
        bisectBatchOnError: true,
        onFailure: new sources.SqsDlq(this.queues.stream),
        filters: CHANGES,
      }),
    )
    advance.addEventSource(new sources.SqsEventSource(this.queues.repair.queue, { batchSize: 1 }))
    allowLoops(advance)
    const tick = this.addFunction('tick', [...deciding, ...wakes], containers, {
      timeout: Duration.minutes(5),
    })
    const heard = this.addFunction('job-events', [...deciding], containers, minute)
    this.listen(heard, containers)
    return { advance, tick }
  }

  private listen(heard: lambda.Function, containers: Containers | undefined): void {
    new events.Rule(this, 'StoppedExecutions', {
      eventPattern: {
        source: ['aws.states'],
        detailType: ['Step Functions Execution Status Change'],
        detail: { status: ['ABORTED'], stateMachineArn: this.machineArns },
      },
      targets: [new targets.LambdaFunction(heard)],
    })
    if (containers === undefined) return
    new events.Rule(this, 'StoppedContainers', {
      eventPattern: {
        source: ['aws.ecs'],
        detailType: ['ECS Task State Change'],
        detail: { lastStatus: ['STOPPED'], clusterArn: [containers.cluster.clusterArn] },
      },
      targets: [new targets.LambdaFunction(heard)],
    })
  }

  private addSchedules(tick: lambda.Function): void {
    const schedule = this.addFunction(
      'schedule',
      [...this.#permissions.records(), ...this.#permissions.startRuns(this.machineArns)],
      undefined,
      { timeout: Duration.minutes(5) },
    )
    new Schedules(this, 'Schedules', {
      pipelines: this.#project.pipelines,
      scheduleArn: schedule.functionArn,
      tickArn: tick.functionArn,
      deadLetters: this.queues.schedules,
      prefix: this.#prefix,
    })
  }

  private addApi(): string {
    const api = this.addFunction(
      'api',
      [
        ...this.running('read'),
        ...this.#permissions.startRuns(this.machineArns),
        ...this.#permissions.readLogs([...this.#logGroups.values()].map(({ arn }) => arn)),
        ...this.#permissions.secrets(this.#project.secrets, this.secretsPrefix, 'write'),
      ],
      undefined,
      { timeout: Duration.minutes(1), memoryMb: 1024 },
    )
    return api.addFunctionUrl({ authType: lambda.FunctionUrlAuthType.AWS_IAM }).url
  }

  private addFunction(
    name: OwnPart,
    allows: iam.PolicyStatement[],
    containers: Containers | undefined,
    { timeout = Duration.minutes(1), memoryMb = 512 }: { timeout?: Duration; memoryMb?: number } = {},
  ): lambda.Function {
    const folder = this.#project.functions[name]
    if (folder === undefined) throw new Error(`the function ${name} was not bundled`)
    const own = new OwnFunction(this, name, {
      description: DESCRIPTIONS[name],
      folder,
      module: `${name}/index`,
      environment: { ...this.#project.environment.variables, ...this.variables(name, containers) },
      allows,
      logRetentionDays: this.retention,
      timeout,
      memoryMb,
    })
    this.functions[name] = own.function
    return own.function
  }

  /** The variables of one part: what it reads, and nothing else. */
  private variables(part: Part, containers?: Containers, pool?: string): { [name: string]: string } {
    const of = (setting: Setting) => [variableOf(setting), this.settingOf(setting, containers, pool)]
    return Object.fromEntries(SETTINGS_OF[part].map(of))
  }

  private settingOf(setting: Setting, containers: Containers | undefined, pool = ''): string {
    const stack = Stack.of(this)
    switch (setting) {
      case 'environment':
        return this.#project.name
      case 'table':
        return this.records.table.tableName
      case 'bucket':
        return this.records.bucket.bucketName
      case 'storage':
        return this.#storage
      case 'secrets':
        return this.secretsPrefix
      case 'code':
        return this.#project.code
      case 'machines':
        return arnOf(this, this.#prefix)
      case 'queues': {
        const urls = [...this.queues.pools].map(([name, { queue }]) => [name, queue.queueUrl])
        return stack.toJsonString(Object.fromEntries(urls))
      }
      case 'repairQueue':
        return this.queues.repair.queue.queueUrl
      case 'launcher':
        return this.functions['launch-workers']?.functionName ?? ''
      case 'workers':
        return stack.toJsonString(this.workers(containers))
      case 'logGroups': {
        const names = [...this.#logGroups].map(([name, group]) => [name, group.name])
        return stack.toJsonString(Object.fromEntries(names))
      }
      case 'pool':
        return pool
      case 'memoryMb':
        return String(
          this.pool(pool).memoryMb ?? (this.pool(pool).runsOn === 'fargate' ? 2048 : DEFAULT_LAMBDA_MB),
        )
      case 'idleSeconds':
        return String(this.pool(pool).idleSeconds ?? IDLE_SECONDS)
      case 'tasksPerWorker':
        return String(this.pool(pool).tasksPerWorker ?? 0)
    }
  }

  private workers(containers: Containers | undefined) {
    const pools = this.poolsOn('fargate').map((name) => [
      name,
      {
        family: Containers.family(this.#prefix, name),
        most: this.pool(name).concurrency ?? DEFAULT_CONTAINERS,
        spot: this.pool(name).spot ?? true,
      },
    ])
    return {
      cluster: containers?.cluster.clusterArn ?? '',
      subnets: containers?.subnets ?? [],
      securityGroups: containers === undefined ? [] : [containers.securityGroup.securityGroupId],
      publicIp: containers?.isPublic ?? false,
      pools: Object.fromEntries(pools),
    }
  }

  /** What the command finds the deployment by. */
  private addOutputs(containers: Containers | undefined): void {
    const output = (name: string, value: string) =>
      new CfnOutput(this, name, { value }).overrideLogicalId(name)
    output('ApiUrl', this.apiUrl)
    output('Storage', this.#storage)
    if (containers === undefined) return
    output('Cluster', containers.cluster.clusterName)
    output('Subnets', Fn.join(',', containers.subnets))
    output('SecurityGroup', containers.securityGroup.securityGroupId)
    output('PublicIp', String(containers.isPublic))
    output('Images', Stack.of(this).toJsonString(containers.images))
  }
}

/**
 * Tasks lead to tasks: Lambda takes it for a loop and stops it after 16 rounds, unless it is told that it is meant.
 * https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
 */
function allowLoops(each: lambda.Function): void {
  const resource = each.node.defaultChild as lambda.CfnFunction
  resource.recursiveLoop = 'Allow'
}

/**
 * Changes that can ask for something (`isFeedworthy` of src/core/change.ts): claims and heartbeats are left out before
 * they would cost an invocation.
 */
const image = (fields: object) =>
  lambda.FilterCriteria.filter({
    eventName: lambda.FilterRule.isEqual('MODIFY'),
    dynamodb: { NewImage: fields },
  })
const CHANGES = [
  image({
    kind: { S: lambda.FilterRule.isEqual('taskRun') },
    status: { S: lambda.FilterRule.notEquals('running') },
  }),
  image({ kind: { S: lambda.FilterRule.or('run', 'limit') } }),
  image({
    kind: { S: lambda.FilterRule.isEqual('lock') },
    waiting: { BOOL: lambda.FilterRule.isEqual(true) },
  }),
]
