import { join } from 'node:path'
import { AssetHashType, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib'
import * as ec2 from 'aws-cdk-lib/aws-ec2'
import * as ecr from 'aws-cdk-lib/aws-ecr'
import { DockerImageAsset, Platform } from 'aws-cdk-lib/aws-ecr-assets'
import * as ecs from 'aws-cdk-lib/aws-ecs'
import * as iam from 'aws-cdk-lib/aws-iam'
import * as logs from 'aws-cdk-lib/aws-logs'
import { Asset } from 'aws-cdk-lib/aws-s3-assets'
import { Construct } from 'constructs'
import { CAPACITY, CODE_VARIABLE, CONTAINER, POOL_DEFAULTS } from '../src/core/names.ts'
import { grantToRole } from './constructs/grants.ts'
import { allowActions } from './constructs/permissions.ts'
import type { Foundation } from './foundation.ts'
import type { Layout } from './layout.ts'
import { makePoolGrants } from './pools.ts'
import type { DeployedPool, DeployedProject } from './project.ts'

/** Input of the pools of containers. */
export interface ContainersProps {
  foundation: Foundation
  pools: { [name: string]: DeployedPool }
  /** Existing images, by pool; these pools build none. */
  images: { readonly [pool: string]: string }
  /** Processor of the images; what builds them must be able to. */
  architecture: ecs.CpuArchitecture
}

const NOWHERE = { families: '', cluster: '', subnets: [], securityGroups: [], publicIp: false }

/** Where containers are launched, as functions are told it; nowhere, if the project has none. */
export const describePlace = ({ scope }: Foundation, containers: Containers | undefined): string =>
  containers?.describePlace() ?? Stack.of(scope).toJsonString(NOWHERE)

/** Stopping takes up to two minutes, the longest time that Fargate allows. */
const STOP = Duration.seconds(120)

/** Pools of Fargate containers: a cluster, a task definition and an image per pool. Nothing runs while nothing is queued. */
export class Containers extends Construct {
  readonly cluster: ecs.Cluster
  readonly vpc: ec2.IVpc
  readonly securityGroup: ec2.SecurityGroup
  readonly subnets: string[]
  readonly isPublic: boolean
  readonly logGroups = new Map<string, logs.LogGroup>()
  /** URIs of the images, by pool. */
  readonly images: { [pool: string]: string } = {}
  /** Task definitions, by pool; containers inherit their tags. */
  readonly definitions = new Map<string, ecs.FargateTaskDefinition>()
  readonly #layout: Layout

  constructor(scope: Construct, id: string, props: ContainersProps) {
    super(scope, id)
    const { layout, project } = props.foundation
    const { environment } = project
    this.#layout = layout
    this.isPublic = environment.privateSubnets !== true
    this.vpc = this.network(environment)
    const subnetType = this.isPublic ? ec2.SubnetType.PUBLIC : ec2.SubnetType.PRIVATE_WITH_EGRESS
    this.subnets = this.vpc.selectSubnets({ subnetType }).subnetIds
    this.securityGroup = new ec2.SecurityGroup(this, 'NoIngress', {
      vpc: this.vpc,
      description: 'Workers: nothing comes in',
    })
    this.cluster = new ecs.Cluster(this, 'Cluster', {
      vpc: this.vpc,
      containerInsightsV2: environment.containerInsights
        ? ecs.ContainerInsights.ENABLED
        : ecs.ContainerInsights.DISABLED,
    })
    const cluster = this.cluster.node.defaultChild as ecs.CfnCluster
    cluster.capacityProviders = Object.values(CAPACITY)
    for (const [name, pool] of Object.entries(props.pools)) this.addPool(name, pool, props)
  }

  /** The definitions of its pools. */
  listDefinitions(): { definition: ecs.FargateTaskDefinition }[] {
    return [...this.definitions.values()].map((definition) => ({ definition }))
  }

  /** ARN of all ECS tasks of the cluster. */
  get tasksArn(): string {
    return Stack.of(this).formatArn({
      service: 'ecs',
      resource: 'task',
      resourceName: `${this.cluster.clusterName}/*`,
    })
  }

  /** The condition that something happens in the cluster. */
  get onlyHere(): { [operator: string]: unknown } {
    return { ArnEquals: { 'ecs:cluster': this.cluster.clusterArn } }
  }

  /** Where containers are launched, as functions are told it. */
  describePlace(): string {
    return Stack.of(this).toJsonString({
      families: this.#layout.prefix,
      cluster: this.cluster.clusterArn,
      subnets: this.subnets,
      securityGroups: [this.securityGroup.securityGroupId],
      publicIp: this.isPublic,
    })
  }

  /** Permissions for launching containers of these definitions; in the larger layout of all families of a pattern. */
  launchStatements(
    launched: readonly { definition: ecs.FargateTaskDefinition }[],
    pattern = `${this.#layout.prefix}*`,
  ): iam.PolicyStatement[] {
    if (launched.length === 0) return []
    const stack = Stack.of(this)
    const { onlyHere, tasksArn: tasks } = this
    const { isSpread } = this.#layout
    const families = (isSpread ? [pattern] : launched.map(({ definition }) => definition.family)).map(
      (family) =>
        stack.formatArn({ service: 'ecs', resource: 'task-definition', resourceName: `${family}:*` }),
    )
    return [
      allowActions(['ecs:RunTask'], families, onlyHere),
      allowActions(['ecs:TagResource'], [tasks], { StringEquals: { 'ecs:CreateAction': 'RunTask' } }),
      allowActions(['iam:PassRole'], this.roleArns(launched), {
        StringEquals: { 'iam:PassedToService': 'ecs-tasks.amazonaws.com' },
      }),
    ]
  }

  /** Permissions for looking which containers run. */
  lookStatements(): iam.PolicyStatement[] {
    return [this.allowListing(), this.allowDescribing()]
  }

  /** Permission to look at containers of the cluster by their ARNs. */
  allowDescribing(): iam.PolicyStatement {
    return allowActions(['ecs:DescribeTasks'], [this.tasksArn], this.onlyHere)
  }

  /** Permission to list the containers of the cluster by their ARNs. */
  allowListing(): iam.PolicyStatement {
    return allowActions(['ecs:ListTasks'], ['*'], this.onlyHere)
  }

  /** Permission to stop containers of the cluster. */
  allowStopping(): iam.PolicyStatement {
    return allowActions(['ecs:StopTask'], [this.tasksArn], this.onlyHere)
  }

  /** ARNs of the roles of containers; in the larger layout one ARN with their path. */
  private roleArns(launched: readonly { definition: ecs.FargateTaskDefinition }[]): string[] {
    if (this.#layout.isSpread)
      return [
        Stack.of(this).formatArn({
          service: 'iam',
          region: '',
          resource: 'role',
          resourceName: `${this.rolePath.slice(1)}*`,
        }),
      ]
    const arns = launched.flatMap(({ definition: { taskRole, executionRole } }) =>
      executionRole === undefined ? [taskRole.roleArn] : [taskRole.roleArn, executionRole.roleArn],
    )
    return [...new Set(arns)]
  }

  /** Path of the roles of containers. */
  get rolePath(): string {
    return `/${this.#layout.stackName}/`
  }

  /** Roles with a path. A role that gets a path is replaced, which stops running containers, so only the larger layout has them. */
  private roles(scope: Construct, name: string): { taskRole?: iam.Role; executionRole?: iam.Role } {
    if (!this.#layout.isSpread) return {}
    const made = (id: string) =>
      new iam.Role(scope, `${name}-${id}`, {
        path: this.rolePath,
        assumedBy: new iam.ServicePrincipal('ecs-tasks.amazonaws.com'),
      })
    return { taskRole: made('TaskRole'), executionRole: made('ExecutionRole') }
  }

  private network({ vpcId }: DeployedProject['environment']): ec2.IVpc {
    if (vpcId !== undefined) return ec2.Vpc.fromLookup(this, 'Network', { vpcId })
    return new ec2.Vpc(this, 'Network', {
      maxAzs: 2,
      natGateways: 0,
      restrictDefaultSecurityGroup: false,
      subnetConfiguration: [{ name: 'Public', subnetType: ec2.SubnetType.PUBLIC }],
    })
  }

  private addPool(name: string, pool: DeployedPool, props: ContainersProps): void {
    const scope = this.#layout.poolScope(name, this)
    const { foundation } = props
    const logGroupName = this.#layout.logGroupName(name)
    const logGroup = new logs.LogGroup(scope, `${name}-Logs`, {
      retention: foundation.logRetentionDays,
      removalPolicy: RemovalPolicy.RETAIN,
      ...(logGroupName === undefined ? {} : { logGroupName }),
    })
    this.logGroups.set(name, logGroup)
    const memoryMb = pool.memoryMb ?? POOL_DEFAULTS.containerMemoryMb
    const definition = new ecs.FargateTaskDefinition(scope, name, {
      ...this.roles(scope, name),
      family: `${this.#layout.prefix}${name}`,
      cpu: pool.cpu ?? POOL_DEFAULTS.containerCpu,
      memoryLimitMiB: memoryMb,
      runtimePlatform: {
        cpuArchitecture: props.architecture,
        operatingSystemFamily: ecs.OperatingSystemFamily.LINUX,
      },
    })
    grantToRole(definition.taskRole as iam.Role, makePoolGrants(foundation, name, pool))
    definition.addToTaskRolePolicy(allowSessions())
    const code = new Asset(scope, `${name}-Code`, {
      path: join(pool.folder, 'code.tgz'),
      assetHash: pool.version,
      assetHashType: AssetHashType.CUSTOM,
    })
    definition.addToTaskRolePolicy(
      allowActions(['s3:GetObject'], [code.bucket.arnForObjects(code.s3ObjectKey)]),
    )
    const bundle = { uri: code.s3ObjectUrl, version: pool.version }
    definition.addContainer(CONTAINER, {
      image: this.image(scope, name, pool, props),
      environment: {
        ...foundation.variablesOf('worker', {
          pool: name,
          memoryMb: String(memoryMb),
          idleSeconds: String(pool.idleSeconds ?? POOL_DEFAULTS.idleSeconds),
          tasksPerWorker: String(pool.tasksPerWorker ?? 0),
        }),
        AWS_REGION: Stack.of(this).region,
        [CODE_VARIABLE]: Stack.of(this).toJsonString(bundle),
      },
      logging: ecs.LogDrivers.awsLogs({ logGroup, streamPrefix: name }),
      stopTimeout: STOP,
      linuxParameters: new ecs.LinuxParameters(scope, `${name}-Linux`, { initProcessEnabled: true }),
    })
    this.definitions.set(name, definition)
  }

  private image(
    scope: Construct,
    name: string,
    pool: DeployedPool,
    props: ContainersProps,
  ): ecs.ContainerImage {
    const there = props.images[name]
    if (there !== undefined) return this.existing(scope, name, there)
    const platform =
      props.architecture === ecs.CpuArchitecture.ARM64 ? Platform.LINUX_ARM64 : Platform.LINUX_AMD64
    const asset = new DockerImageAsset(scope, `${name}-Image`, {
      directory: pool.folder,
      exclude: ['code.tgz'],
      buildArgs: {
        POOL: name,
        REVISION: pool.version,
        ...makeImageArguments(props.foundation.project.environment),
      },
      platform,
    })
    this.images[name] = asset.imageUri
    return ecs.ContainerImage.fromDockerImageAsset(asset)
  }

  /** `registry/repository:tag` of an earlier deployment. */
  private existing(scope: Construct, name: string, uri: string): ecs.ContainerImage {
    this.images[name] = uri
    const [, repository = '', tag = ''] = /^[^/]+\/(.+):([^:]+)$/.exec(uri) ?? []
    const there = ecr.Repository.fromRepositoryName(scope, `${name}-Repository`, repository)
    return ecs.ContainerImage.fromEcrRepository(there, tag)
  }
}

/** `sluice shell` goes through Systems Manager: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-exec.html */
export const allowSessions = (): iam.PolicyStatement =>
  allowActions(
    [
      'ssmmessages:CreateControlChannel',
      'ssmmessages:CreateDataChannel',
      'ssmmessages:OpenControlChannel',
      'ssmmessages:OpenDataChannel',
    ],
    ['*'],
  )

/** Arguments with which the images of workers and keepers are built. */
export const makeImageArguments = ({
  external = [],
  baseImage,
  nodeVersion,
}: Pick<DeployedProject['environment'], 'external' | 'baseImage' | 'nodeVersion'>) => ({
  EXTERNAL: external.join(' '),
  ...(baseImage === undefined ? {} : { BASE_IMAGE: baseImage }),
  ...(nodeVersion === undefined ? {} : { NODE_VERSION: nodeVersion }),
})
