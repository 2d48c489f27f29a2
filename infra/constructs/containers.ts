import { join } from 'node:path'
import { AssetHashType, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib'
import * as ec2 from 'aws-cdk-lib/aws-ec2'
import * as ecr from 'aws-cdk-lib/aws-ecr'
import { DockerImageAsset, Platform } from 'aws-cdk-lib/aws-ecr-assets'
import * as ecs from 'aws-cdk-lib/aws-ecs'
import type * as iam from 'aws-cdk-lib/aws-iam'
import * as logs from 'aws-cdk-lib/aws-logs'
import { Asset } from 'aws-cdk-lib/aws-s3-assets'
import { Construct } from 'constructs'
import type { DeployedPool, DeployedProject } from '../project.ts'
import { allow } from './permissions.ts'

/** What pools of containers are made from. */
export interface ContainersProps {
  environment: DeployedProject['environment']
  prefix: string
  pools: { [name: string]: DeployedPool }
  /** Variables of a pool's container. */
  variables(pool: string): { [name: string]: string }
  /** What a pool's tasks may do. */
  allows(pool: string): iam.PolicyStatement[]
  logRetentionDays: number
  /** Images that are there already, by pool: none is built. */
  images: { [pool: string]: string }
  /** Processor of the images; what builds them must be able to. @default ARM64 */
  architecture: ecs.CpuArchitecture
}

/** Stopping takes up to two minutes, the longest that Fargate gives. */
const STOP = Duration.seconds(120)
const DEFAULT_CPU = 512
const DEFAULT_MEMORY_MB = 2048

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
  readonly #definitions: ecs.FargateTaskDefinition[] = []

  constructor(scope: Construct, id: string, props: ContainersProps) {
    super(scope, id)
    const { environment } = props
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
      containerInsightsV2: ecs.ContainerInsights.ENABLED,
    })
    const cluster = this.cluster.node.defaultChild as ecs.CfnCluster
    cluster.capacityProviders = ['FARGATE', 'FARGATE_SPOT']
    for (const [name, pool] of Object.entries(props.pools)) this.addPool(name, pool, props)
  }

  /** The family of a pool's task definition. */
  static family(prefix: string, pool: string): string {
    return `${prefix}${pool}`
  }

  /** What launching containers takes. */
  launchStatements(prefix: string, pools: string[]): iam.PolicyStatement[] {
    const stack = Stack.of(this)
    const { clusterArn } = this.cluster
    const onlyHere = { ArnEquals: { 'ecs:cluster': clusterArn } }
    const families = pools.map((pool) =>
      stack.formatArn({
        service: 'ecs',
        resource: 'task-definition',
        resourceName: `${Containers.family(prefix, pool)}:*`,
      }),
    )
    const tasks = stack.formatArn({
      service: 'ecs',
      resource: 'task',
      resourceName: `${this.cluster.clusterName}/*`,
    })
    const roles = this.#definitions.flatMap(({ taskRole, executionRole }) =>
      executionRole === undefined ? [taskRole.roleArn] : [taskRole.roleArn, executionRole.roleArn],
    )
    return [
      allow(['ecs:RunTask'], families, onlyHere),
      allow(['ecs:ListTasks'], ['*'], onlyHere),
      allow(['ecs:DescribeTasks'], [tasks], onlyHere),
      allow(['ecs:TagResource'], [tasks], { StringEquals: { 'ecs:CreateAction': 'RunTask' } }),
      allow(['iam:PassRole'], roles, { StringEquals: { 'iam:PassedToService': 'ecs-tasks.amazonaws.com' } }),
    ]
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
    const logGroup = new logs.LogGroup(this, `${name}-Logs`, {
      retention: props.logRetentionDays,
      removalPolicy: RemovalPolicy.DESTROY,
    })
    this.logGroups.set(name, logGroup)
    const definition = new ecs.FargateTaskDefinition(this, name, {
      family: Containers.family(props.prefix, name),
      cpu: pool.cpu ?? DEFAULT_CPU,
      memoryLimitMiB: pool.memoryMb ?? DEFAULT_MEMORY_MB,
      runtimePlatform: {
        cpuArchitecture: props.architecture,
        operatingSystemFamily: ecs.OperatingSystemFamily.LINUX,
      },
    })
    for (const statement of props.allows(name)) definition.addToTaskRolePolicy(statement)
    definition.addToTaskRolePolicy(EXEC())
    const code = new Asset(this, `${name}-Code`, {
      path: join(pool.folder, 'code.tgz'),
      assetHash: pool.version,
      assetHashType: AssetHashType.CUSTOM,
    })
    definition.addToTaskRolePolicy(allow(['s3:GetObject'], [code.bucket.arnForObjects(code.s3ObjectKey)]))
    const bundle = { uri: code.s3ObjectUrl, version: pool.version }
    definition.addContainer('worker', {
      image: this.image(name, pool, props),
      environment: {
        ...props.environment.variables,
        ...props.variables(name),
        AWS_REGION: Stack.of(this).region,
        SLUICE_BUNDLE: Stack.of(this).toJsonString(bundle),
      },
      logging: ecs.LogDrivers.awsLogs({ logGroup, streamPrefix: name }),
      stopTimeout: STOP,
      linuxParameters: new ecs.LinuxParameters(this, `${name}-Linux`, { initProcessEnabled: true }),
    })
    this.#definitions.push(definition)
  }

  private image(name: string, pool: DeployedPool, props: ContainersProps): ecs.ContainerImage {
    const there = props.images[name]
    if (there !== undefined) return this.existing(name, there)
    const platform =
      props.architecture === ecs.CpuArchitecture.ARM64 ? Platform.LINUX_ARM64 : Platform.LINUX_AMD64
    const asset = new DockerImageAsset(this, `${name}-Image`, {
      directory: pool.folder,
      exclude: ['code.tgz'],
      buildArgs: { POOL: name, ...buildArgsOf(props.environment, pool) },
      platform,
    })
    this.images[name] = asset.imageUri
    return ecs.ContainerImage.fromDockerImageAsset(asset)
  }

  /** `registry/repository:tag` of an earlier deployment. */
  private existing(name: string, uri: string): ecs.ContainerImage {
    this.images[name] = uri
    const [, repository = '', tag = ''] = /^[^/]+\/(.+):([^:]+)$/.exec(uri) ?? []
    const there = ecr.Repository.fromRepositoryName(this, `${name}-Repository`, repository)
    return ecs.ContainerImage.fromEcrRepository(there, tag)
  }
}

/** `sluice shell` goes through Systems Manager: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-exec.html */
const EXEC = () =>
  allow(
    [
      'ssmmessages:CreateControlChannel',
      'ssmmessages:CreateDataChannel',
      'ssmmessages:OpenControlChannel',
      'ssmmessages:OpenDataChannel',
    ],
    ['*'],
  )

function buildArgsOf(
  { external = [], baseImage, nodeVersion }: DeployedProject['environment'],
  { version }: DeployedPool,
) {
  return {
    EXTERNAL: external.join(' '),
    REVISION: version,
    ...(baseImage === undefined ? {} : { BASE_IMAGE: baseImage }),
    ...(nodeVersion === undefined ? {} : { NODE_VERSION: nodeVersion }),
  }
}
