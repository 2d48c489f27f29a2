import { Stack } from 'aws-cdk-lib'
import * as iam from 'aws-cdk-lib/aws-iam'
import type * as lambda from 'aws-cdk-lib/aws-lambda'
import type { Construct } from 'constructs'
import { parseS3Prefix } from '../src/core/s3-uri.ts'
import type { Containers } from './constructs/containers.ts'
import type { Grants } from './constructs/grants.ts'
import { allow, Permissions } from './constructs/permissions.ts'
import { type Foundation, machineNames, poolOf, poolsOn } from './foundation.ts'

/** The permissions of each part of a deployment. */
export class Rights {
  readonly #foundation: Foundation
  readonly #permissions: Permissions
  readonly #machines: string[]

  constructor(scope: Construct, foundation: Foundation) {
    this.#foundation = foundation
    this.#permissions = new Permissions(Stack.of(scope), foundation.records)
    this.#machines = machineNames(foundation)
  }

  /** The tasks of a pool: its messages, records, plans, targets, its own secrets, and the permissions of its options. */
  pool(name: string): Grants {
    const { project, queues, storage, secretsPrefix } = this.#foundation
    const { secrets, allows = [], policies = [], runsOn } = poolOf(project, name)
    const { bucket, prefix } = parseS3Prefix(storage)
    const queue = queues.pools.get(name)?.queue.queueArn ?? ''
    const reading = this.#permissions.readSecrets(secrets, secretsPrefix)
    const statements = [
      ...this.#permissions.records(),
      ...this.#permissions.yields(),
      ...this.#permissions.objects(bucket, prefix, 'write'),
      ...this.reading(),
      ...this.#permissions.take([queue], runsOn === 'fargate' ? 'container' : 'function'),
      // A message that comes too early is sent again with a delay.
      ...this.#permissions.send([queue]),
      ...allows.map((each) => new iam.PolicyStatement(each)),
    ]
    return { ...withMany(statements, reading), policies }
  }

  plan(): Grants {
    const { secretsPrefix } = this.#foundation
    const looking = [
      ...this.looking('write', 'list', 'remove'),
      ...this.#permissions.lookAtSecrets(secretsPrefix),
    ]
    return withMany(looking, this.#permissions.answerRuns(this.#machines))
  }

  schedule(): Grants {
    return withMany(this.#permissions.records(), this.#permissions.startRuns(this.#machines))
  }

  /** Sends messages, puts yielded tasks into their run, and answers executions. */
  advance(launcher: lambda.Function): Grants {
    const { repair } = this.#foundation.queues
    const statements = [
      ...this.#permissions.records('list', 'remove'),
      ...this.#permissions.plans('write'),
      ...this.sending(),
      ...this.#permissions.send([repair.queue.queueArn]),
      invoke(launcher),
    ]
    return withMany(statements, this.#permissions.answerRuns(this.#machines))
  }

  /** Its audit does the same as `advance`, except answering executions; the logs of functions tell how they died. */
  tick(launcher: lambda.Function, logGroups: string[]): Grants {
    return {
      statements: [
        ...this.#permissions.readLogs(logGroups),
        ...this.#permissions.records('list', 'due', 'remove'),
        ...this.#permissions.plans('write'),
        ...this.sending(),
        invoke(launcher),
      ],
    }
  }

  /** Ends the attempts of stopped containers, and cancels runs. */
  jobEvents(launcher: lambda.Function): Grants {
    const records = this.#permissions.records('list', 'due', 'remove')
    return { statements: [...records, ...this.#permissions.plans('read'), invoke(launcher)] }
  }

  launchWorkers(containers: Containers | undefined): Grants {
    const pools = poolsOn(this.#foundation.project, 'fargate')
    return {
      statements: [
        ...this.#permissions.records(),
        ...this.#permissions.measure(this.#foundation.queues.arnsOf(pools)),
        ...(containers?.launchStatements(pools) ?? []),
      ],
    }
  }

  api(logGroups: string[]): Grants {
    const { secretsPrefix } = this.#foundation
    const statements = [
      ...this.looking('read', 'list'),
      ...this.#permissions.readLogs(logGroups),
      ...this.#permissions.lookAtSecrets(secretsPrefix),
      ...this.#permissions.setSecrets(secretsPrefix),
    ]
    return withMany(statements, this.#permissions.startRuns(this.#machines))
  }

  private sending(): iam.PolicyStatement[] {
    const { queues } = this.#foundation
    return this.#permissions.send(queues.arnsOf([...queues.pools.keys()]))
  }

  /** Records, plans, and whether targets exist. */
  private looking(plans: 'read' | 'write', ...uses: ('list' | 'remove')[]): iam.PolicyStatement[] {
    const { bucket, prefix } = parseS3Prefix(this.#foundation.storage)
    return [
      ...this.#permissions.records(...uses),
      ...this.#permissions.plans(plans),
      ...this.#permissions.objects(bucket, prefix, 'read'),
      ...this.reading(),
    ]
  }

  /** Further objects that the environment lets tasks read. */
  private reading(): iam.PolicyStatement[] {
    return (this.#foundation.project.environment.reads ?? []).flatMap((uri) => {
      const { bucket, prefix } = parseS3Prefix(uri)
      return this.#permissions.objects(bucket, prefix, 'read')
    })
  }
}

/** Statements that come in groups, each of which fills a policy: a single one fits into the role's own. */
const withMany = (statements: iam.PolicyStatement[], groups: iam.PolicyStatement[]): Grants =>
  groups.length > 1 ? { statements, apart: groups } : { statements: [...statements, ...groups] }

const invoke = ({ functionArn }: lambda.Function) => allow(['lambda:InvokeFunction'], [functionArn])
