import { Stack } from 'aws-cdk-lib'
import type * as iam from 'aws-cdk-lib/aws-iam'
import type * as lambda from 'aws-cdk-lib/aws-lambda'
import type { Construct } from 'constructs'
import type { Containers } from './constructs/containers.ts'
import { allow, Permissions, s3Parts } from './constructs/permissions.ts'
import { type Foundation, machineArns, poolOf, poolsOn } from './foundation.ts'

/** What each part of a deployment may do, and nothing else. */
export class Rights {
  readonly #foundation: Foundation
  readonly #permissions: Permissions
  readonly #machines: string[]

  constructor(scope: Construct, foundation: Foundation) {
    this.#foundation = foundation
    this.#permissions = new Permissions(Stack.of(scope), foundation.records)
    this.#machines = machineArns(scope, foundation)
  }

  /** The tasks of a pool: its messages, records, plans, targets, and its own secrets. */
  pool(name: string): iam.PolicyStatement[] {
    const { project, queues, storage, secretsPrefix } = this.#foundation
    const { bucket, prefix } = s3Parts(storage)
    const queue = queues.pools.get(name)?.queue
    return [
      ...this.#permissions.records(),
      ...this.#permissions.plans('write'),
      ...this.#permissions.objects(bucket, prefix, 'write'),
      ...this.reading(),
      ...this.#permissions.secrets(poolOf(project, name).secrets, secretsPrefix, 'read'),
      ...(queue === undefined
        ? []
        : [...this.#permissions.take([queue]), ...this.#permissions.send([queue])]),
    ]
  }

  plan(): iam.PolicyStatement[] {
    return [...this.looking('write'), ...this.#permissions.answerRuns(this.#machines)]
  }

  schedule(): iam.PolicyStatement[] {
    return [...this.#permissions.records(), ...this.#permissions.startRuns(this.#machines)]
  }

  advance(launcher: lambda.Function): iam.PolicyStatement[] {
    return [
      ...this.tick(launcher),
      ...this.#permissions.answerRuns(this.#machines),
      ...this.#permissions.send([this.#foundation.queues.repair.queue]),
    ]
  }

  tick(launcher: lambda.Function): iam.PolicyStatement[] {
    return [...this.jobEvents(), allow(['lambda:InvokeFunction'], [launcher.functionArn])]
  }

  jobEvents(): iam.PolicyStatement[] {
    const queues = [...this.#foundation.queues.pools.values()].map(({ queue }) => queue)
    return [
      ...this.#permissions.records(),
      ...this.#permissions.plans('write'),
      ...this.#permissions.send(queues),
    ]
  }

  launchWorkers(containers: Containers | undefined): iam.PolicyStatement[] {
    const { project, queues, prefix } = this.#foundation
    const pools = poolsOn(project, 'fargate')
    return [
      ...this.#permissions.measure(pools.flatMap((pool) => queues.pools.get(pool)?.queue ?? [])),
      ...(containers?.launchStatements(prefix, pools) ?? []),
    ]
  }

  api(logGroups: string[]): iam.PolicyStatement[] {
    const { project, secretsPrefix } = this.#foundation
    return [
      ...this.looking('read'),
      ...this.#permissions.startRuns(this.#machines),
      ...this.#permissions.readLogs(logGroups),
      ...this.#permissions.secrets(project.secrets, secretsPrefix, 'write'),
    ]
  }

  /** Records and plans, and whether targets are there. */
  private looking(plans: 'read' | 'write'): iam.PolicyStatement[] {
    const { bucket, prefix } = s3Parts(this.#foundation.storage)
    return [
      ...this.#permissions.records(),
      ...this.#permissions.plans(plans),
      ...this.#permissions.objects(bucket, prefix, 'read'),
      ...this.reading(),
    ]
  }

  /** What the environment lets tasks read besides. */
  private reading(): iam.PolicyStatement[] {
    return (this.#foundation.project.environment.reads ?? []).flatMap((uri) => {
      const { bucket, prefix } = s3Parts(uri)
      return this.#permissions.objects(bucket, prefix, 'read')
    })
  }
}
