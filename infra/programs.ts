import { Duration, Stack } from 'aws-cdk-lib'
import * as ecs from 'aws-cdk-lib/aws-ecs'
import type * as logs from 'aws-cdk-lib/aws-logs'
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager'
import { Construct } from 'constructs'
import { findFargateSize, KEEPER_MB } from '../src/core/fargate.ts'
import { mustHave } from '../src/core/must-have.ts'
import {
  IN_CONTAINER,
  KEPT,
  makeProgramFamily,
  makeShellFamily,
  POOL_DEFAULTS,
  SHELL,
} from '../src/core/names.ts'
import { BUILD } from '../src/homes/aws/build.ts'
import type { Containers } from './containers.ts'
import type { Foundation } from './foundation.ts'
import { ProgramImages } from './program-images.ts'
import { ProgramRoles, type TaskRoles } from './program-roles.ts'
import type { DeployedPool } from './project.ts'
import type { DeployedProgram } from './read-programs.ts'

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
 * What a container of a shell runs in place of its program: a little longer than its keeper, with which ECS stops it. ECS takes no other entry
 * point when a task is started, so shells have definitions of their own.
 */
const WAIT = `exec sleep ${SHELL.limitMs / 1000 + 900}`

/**
 * The task definitions of programs in images of the user's: one for each pool, image and set of secrets. The program's container is as
 * its image says; beside it stands the keeper. Only a deployment makes definitions; a launch overrides command, environment and size.
 */
export class Programs extends Construct {
  /** Task definitions with their pool. */
  readonly definitions: { pool: string; definition: ecs.FargateTaskDefinition }[] = []
  /** The same for shells; none, unless the environment lets people in. */
  readonly shells: { pool: string; definition: ecs.FargateTaskDefinition }[] = []
  readonly #props: ProgramsProps
  readonly #roles: ProgramRoles
  readonly #images: ProgramImages

  constructor(scope: Construct, id: string, props: ProgramsProps) {
    super(scope, id)
    this.#props = props
    this.#images = new ProgramImages(this, props)
    this.#roles = new ProgramRoles(this, props)
    const { programs, pools, environment } = props.foundation.project
    for (const program of programs) {
      const pool = mustHave(pools[program.pool], `the pool ${program.pool}`)
      this.addDefinition(program, pool)
      if (environment.shells === true) this.addShellDefinition(program, pool)
    }
  }

  private addDefinition(program: DeployedProgram, pool: DeployedPool): void {
    const { foundation } = this.#props
    const family = makeProgramFamily(foundation.layout.prefix, program.pool, program.id)
    const definition = this.makeDefinition(program.id, family, pool, this.#roles.of(program.pool, pool))
    const keeper = this.addKeeper(definition, program)
    this.addProgram(definition, program).addContainerDependencies({
      container: keeper,
      condition: ecs.ContainerDependencyCondition.HEALTHY,
    })
    this.definitions.push({ pool: program.pool, definition })
  }

  /** The same program for shells: it waits in place of what the image starts, and its role lets people in. */
  private addShellDefinition(program: DeployedProgram, pool: DeployedPool): void {
    const { foundation } = this.#props
    const family = makeShellFamily(foundation.layout.prefix, program.pool, program.id)
    const id = `${program.id}-Shell`
    const definition = this.makeDefinition(id, family, pool, this.#roles.ofShells(program.pool, pool))
    const keeper = definition.addContainer(KEPT.keeper, {
      ...this.describeKeeper(program.pool),
      environment: this.keeperVariables(
        foundation.variablesOf('shell-keeper', { pool: program.pool, shell: '' }),
      ),
    })
    keeper.addMountPoints(...makeMounts(() => false))
    const waiting = definition.addContainer(KEPT.program, {
      ...this.describeProgram(definition, program),
      entryPoint: ['sh', '-c'],
      command: [WAIT],
      // Nothing is to be published after its end.
      essential: true,
      logging: this.logInto(program.pool),
      linuxParameters: new ecs.LinuxParameters(this, `${id}-Linux`, { initProcessEnabled: true }),
    })
    waiting.addMountPoints(...makeMounts((name) => name === 'in'))
    waiting.addContainerDependencies({
      container: keeper,
      condition: ecs.ContainerDependencyCondition.HEALTHY,
    })
    this.shells.push({ pool: program.pool, definition })
  }

  private makeDefinition(
    id: string,
    family: string,
    { cpu = POOL_DEFAULTS.containerCpu, memoryMb = POOL_DEFAULTS.containerMemoryMb }: DeployedPool,
    roles: TaskRoles,
  ): ecs.FargateTaskDefinition {
    const size = mustHave(
      findFargateSize({ cpu, memoryMb: memoryMb + KEEPER_MB }),
      `a size of Fargate for ${family}`,
    )
    return new ecs.FargateTaskDefinition(this, id, {
      ...roles,
      family,
      cpu: size.cpu,
      memoryLimitMiB: size.memoryMb,
      runtimePlatform: {
        cpuArchitecture: this.#props.architecture,
        operatingSystemFamily: ecs.OperatingSystemFamily.LINUX,
      },
      volumes: Object.keys(VOLUMES).map((name) => ({ name })),
    })
  }

  /** It gets the lines of the program as the log router of FireLens does, and is root to read whatever the program writes. */
  private addKeeper(
    definition: ecs.FargateTaskDefinition,
    { pool }: DeployedProgram,
  ): ecs.ContainerDefinition {
    const keeper = definition.addFirelensLogRouter(KEPT.keeper, {
      ...this.describeKeeper(pool),
      firelensConfig: { type: ecs.FirelensLogRouterType.FLUENTBIT },
      // The launcher tells what to take over.
      environment: this.keeperVariables(this.#props.foundation.variablesOf('keeper', { pool, handover: '' })),
    })
    keeper.addMountPoints(...makeMounts(() => false))
    return keeper
  }

  private describeKeeper(pool: string) {
    return {
      image: this.#images.keeper(),
      essential: true,
      user: '0',
      healthCheck: READY,
      memoryReservationMiB: KEEPER_MB,
      stopTimeout: KEEPER_STOP,
      logging: this.logInto(pool),
    }
  }

  private keeperVariables(variables: { [name: string]: string }): { [name: string]: string } {
    return { ...variables, AWS_REGION: Stack.of(this).region }
  }

  private logInto(pool: string): ecs.LogDriver {
    const logGroup = mustHave(this.#props.logGroups.get(pool), `the log group of ${pool}`)
    return ecs.LogDrivers.awsLogs({ logGroup, streamPrefix: pool })
  }

  private addProgram(
    definition: ecs.FargateTaskDefinition,
    described: DeployedProgram,
  ): ecs.ContainerDefinition {
    const { entryPoint } = described
    const program = definition.addContainer(KEPT.program, {
      ...this.describeProgram(definition, described),
      // A launch can give arguments alone.
      ...(entryPoint === undefined ? {} : { entryPoint: [entryPoint] }),
      // The keeper ends the task, when it has published.
      essential: false,
      // The keeper reads none of the configuration that ECS makes of this, which has to name an output.
      logging: ecs.LogDrivers.firelens({ options: { Name: 'null' } }),
    })
    program.addMountPoints(...makeMounts((name) => name === 'in'))
    return program
  }

  private describeProgram({ node }: ecs.FargateTaskDefinition, { image, secrets }: DeployedProgram) {
    const { secretsPrefix } = this.#props.foundation
    const given = Object.entries(secrets).map(([variable, name]) => {
      const secret = secretsmanager.Secret.fromSecretNameV2(
        this,
        `${node.id}-${variable}`,
        `${secretsPrefix}${name}`,
      )
      return [variable, ecs.Secret.fromSecretsManager(secret)]
    })
    return {
      image: this.#images.of(image),
      stopTimeout: Duration.millis(BUILD.stopMs),
      secrets: Object.fromEntries(given) as { [variable: string]: ecs.Secret },
    }
  }
}

const makeMounts = (isReadOnly: (name: string) => boolean): ecs.MountPoint[] =>
  Object.entries(VOLUMES).map(([sourceVolume, containerPath]) => ({
    sourceVolume,
    containerPath,
    readOnly: isReadOnly(sourceVolume),
  }))
