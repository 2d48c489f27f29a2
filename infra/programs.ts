import { Duration, Stack } from 'aws-cdk-lib'
import * as ecr from 'aws-cdk-lib/aws-ecr'
import { DockerImageAsset, Platform } from 'aws-cdk-lib/aws-ecr-assets'
import * as ecs from 'aws-cdk-lib/aws-ecs'
import * as iam from 'aws-cdk-lib/aws-iam'
import type * as logs from 'aws-cdk-lib/aws-logs'
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager'
import { Construct } from 'constructs'
import { findFargateSize, KEEPER_MB } from '../src/core/fargate.ts'
import { mustHave } from '../src/core/must-have.ts'
import { IN_CONTAINER, KEPT, makeProgramFamily, POOL_DEFAULTS } from '../src/core/names.ts'
import { makeSecretVariableName } from '../src/define/secret.ts'
import { BUILD } from '../src/homes/aws/build.ts'
import { grantToRole } from './constructs/grants.ts'
import { allowActions } from './constructs/permissions.ts'
import { type Containers, makeImageArguments } from './containers.ts'
import type { Foundation } from './foundation.ts'
import { makeTaskGrants } from './pools.ts'
import type { DeployedPool } from './project.ts'
import { type BuiltFolder, type DeployedProgram, hashParts } from './read-programs.ts'

/** Input of the task definitions of programs. */
export interface ProgramsProps {
  foundation: Foundation
  containers: Containers
  /** Those of the pools' tasks, by pool. */
  logGroups: Map<string, logs.LogGroup>
  architecture: ecs.CpuArchitecture
}

/** Volumes that the keeper shares with its program, by name; the program only reads its inputs. */
const VOLUMES = { in: IN_CONTAINER.inputs, out: IN_CONTAINER.outputs, attempt: IN_CONTAINER.attempt } as const

/** The keeper has as long as Fargate allows for publishing and writing the end. */
const KEEPER_STOP = Duration.seconds(120)

/**
 * Whether the program may start. A probe waits for the file as long as a probe may, so that the program starts soon after the file is
 * there. Fargate waits three minutes in all for a container on which another depends:
 * https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html (startTimeout)
 */
const READY: ecs.HealthCheck = {
  command: ['CMD-SHELL', `for i in $(seq 35); do [ -e ${KEPT.ready} ] && exit 0; sleep 0.1; done; exit 1`],
  interval: Duration.seconds(5),
  timeout: Duration.seconds(4),
  retries: 10,
  startPeriod: Duration.seconds(300),
}

/**
 * The task definitions of programs in images of the user's: one for each pool, image and set of secrets. The program's container is as
 * its image says; beside it stands the keeper. Only a deployment makes definitions; a launch overrides command, environment and size.
 */
export class Programs extends Construct {
  /** Task definitions with their pool. */
  readonly definitions: { pool: string; definition: ecs.FargateTaskDefinition }[] = []
  readonly #props: ProgramsProps
  readonly #roles = new Map<string, { taskRole: iam.Role; executionRole: iam.Role }>()
  readonly #images = new Map<string, ecs.ContainerImage>()

  constructor(scope: Construct, id: string, props: ProgramsProps) {
    super(scope, id)
    this.#props = props
    const { programs, pools } = props.foundation.project
    for (const program of programs)
      this.addDefinition(program, mustHave(pools[program.pool], `the pool ${program.pool}`))
  }

  private addDefinition(program: DeployedProgram, pool: DeployedPool): void {
    const { foundation, architecture } = this.#props
    const { cpu = POOL_DEFAULTS.containerCpu, memoryMb = POOL_DEFAULTS.containerMemoryMb } = pool
    const size = mustHave(
      findFargateSize({ cpu, memoryMb: memoryMb + KEEPER_MB }),
      `a size of Fargate for the pool ${program.pool}`,
    )
    const definition = new ecs.FargateTaskDefinition(this, program.id, {
      ...this.rolesOf(program.pool, pool),
      family: makeProgramFamily(foundation.layout.prefix, program.pool, program.id),
      cpu: size.cpu,
      memoryLimitMiB: size.memoryMb,
      runtimePlatform: {
        cpuArchitecture: architecture,
        operatingSystemFamily: ecs.OperatingSystemFamily.LINUX,
      },
      volumes: Object.keys(VOLUMES).map((name) => ({ name })),
    })
    const keeper = this.addKeeper(definition, program)
    this.addProgram(definition, program).addContainerDependencies({
      container: keeper,
      condition: ecs.ContainerDependencyCondition.HEALTHY,
    })
    this.definitions.push({ pool: program.pool, definition })
  }

  /** It gets the lines of the program as the log router of FireLens does, and is root to read whatever the program writes. */
  private addKeeper(
    definition: ecs.FargateTaskDefinition,
    { pool }: DeployedProgram,
  ): ecs.ContainerDefinition {
    const { foundation, logGroups } = this.#props
    const keeper = definition.addFirelensLogRouter(KEPT.keeper, {
      image: this.keeperImage(),
      essential: true,
      user: '0',
      firelensConfig: { type: ecs.FirelensLogRouterType.FLUENTBIT },
      environment: {
        // The launcher tells what to take over.
        ...foundation.variablesOf('keeper', { pool, handover: '' }),
        AWS_REGION: Stack.of(this).region,
      },
      healthCheck: READY,
      memoryReservationMiB: KEEPER_MB,
      stopTimeout: KEEPER_STOP,
      logging: ecs.LogDrivers.awsLogs({
        logGroup: mustHave(logGroups.get(pool), `the log group of ${pool}`),
        streamPrefix: pool,
      }),
    })
    keeper.addMountPoints(...makeMounts(() => false))
    return keeper
  }

  private addProgram(
    definition: ecs.FargateTaskDefinition,
    { image, secrets, entryPoint }: DeployedProgram,
  ): ecs.ContainerDefinition {
    const { secretsPrefix } = this.#props.foundation
    const program = definition.addContainer(KEPT.program, {
      image: 'reference' in image ? this.referredImage(image.reference) : this.builtImage(image.build),
      // A launch can give arguments alone.
      ...(entryPoint === undefined ? {} : { entryPoint: [entryPoint] }),
      // The keeper ends the task, when it has published.
      essential: false,
      stopTimeout: Duration.millis(BUILD.stopMs),
      secrets: Object.fromEntries(
        Object.entries(secrets).map(([variable, name]) => [
          variable,
          ecs.Secret.fromSecretsManager(
            secretsmanager.Secret.fromSecretNameV2(
              this,
              `${definition.node.id}-${variable}`,
              `${secretsPrefix}${name}`,
            ),
          ),
        ]),
      ),
      // The keeper reads none of the configuration that ECS makes of this, which has to name an output.
      logging: ecs.LogDrivers.firelens({ options: { Name: 'null' } }),
    })
    program.addMountPoints(...makeMounts((name) => name === 'in'))
    return program
  }

  /** One role for all programs of a pool: what the pool's tasks may do, and to stop the ECS task that has it. */
  private rolesOf(name: string, pool: DeployedPool): { taskRole: iam.Role; executionRole: iam.Role } {
    const known = this.#roles.get(name)
    if (known !== undefined) return known
    const { foundation, containers } = this.#props
    const make = (id: string) =>
      new iam.Role(this, `${name}-${id}`, {
        path: containers.rolePath,
        assumedBy: new iam.ServicePrincipal('ecs-tasks.amazonaws.com'),
      })
    const roles = { taskRole: make('TaskRole'), executionRole: make('ExecutionRole') }
    grantToRole(roles.taskRole, makeTaskGrants(foundation, pool))
    roles.taskRole.addToPolicy(
      allowActions(['ecs:StopTask', 'ecs:DescribeTasks'], [containers.tasksArn], containers.onlyHere),
    )
    this.#roles.set(name, roles)
    return roles
  }

  private keeperImage(): ecs.ContainerImage {
    const { project } = this.#props.foundation
    const { environment, code } = project
    return this.remember('keeper', () => ({
      directory: mustHave(project.keeper, 'the image of the keeper'),
      buildArgs: {
        POOL: KEPT.keeper,
        REVISION: code,
        ...makeImageArguments({ ...environment, external: [] }),
      },
    }))
  }

  private builtImage({ folder, dockerfile, target, args, secrets = {} }: BuiltFolder): ecs.ContainerImage {
    // The CDK's hash has the names of variables. Their values are in the environment of its command alone.
    const variables = Object.entries(secrets).map(([id, name]) => [id, `env=${makeSecretVariableName(name)}`])
    const hasSecrets = variables.length > 0
    return this.remember(
      hashParts([folder, dockerfile, target, args, ...(hasSecrets ? [secrets] : [])]),
      () => ({
        directory: folder,
        file: dockerfile,
        buildArgs: { ...args },
        ...(target === undefined ? {} : { target }),
        ...(hasSecrets ? { buildSecrets: Object.fromEntries(variables) } : {}),
      }),
    )
  }

  private remember(
    id: string,
    describe: () => Omit<ConstructorParameters<typeof DockerImageAsset>[2], 'platform'>,
  ): ecs.ContainerImage {
    const known = this.#images.get(id)
    if (known !== undefined) return known
    const platform =
      this.#props.architecture === ecs.CpuArchitecture.ARM64 ? Platform.LINUX_ARM64 : Platform.LINUX_AMD64
    const image = ecs.ContainerImage.fromDockerImageAsset(
      new DockerImageAsset(this, `Image-${id}`, { ...describe(), platform }),
    )
    this.#images.set(id, image)
    return image
  }

  /** A registry of the account needs permissions, which come with its repository. */
  private referredImage(reference: string): ecs.ContainerImage {
    const own = /^(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com\/([^:@]+)[:@](.+)$/.exec(reference)
    if (own === null) return ecs.ContainerImage.fromRegistry(reference)
    const [, account = '', region = '', repository = '', tag = ''] = own
    const arn = Stack.of(this).formatArn({
      service: 'ecr',
      account,
      region,
      resource: 'repository',
      resourceName: repository,
    })
    const id = `Repository-${hashParts([account, region, repository])}`
    const there =
      (this.node.tryFindChild(id) as ecr.IRepository | undefined) ??
      ecr.Repository.fromRepositoryAttributes(this, id, { repositoryArn: arn, repositoryName: repository })
    return ecs.ContainerImage.fromEcrRepository(there, tag)
  }
}

const makeMounts = (isReadOnly: (name: string) => boolean): ecs.MountPoint[] =>
  Object.entries(VOLUMES).map(([sourceVolume, containerPath]) => ({
    sourceVolume,
    containerPath,
    readOnly: isReadOnly(sourceVolume),
  }))
