import { ArnFormat, Stack } from 'aws-cdk-lib'
import * as iam from 'aws-cdk-lib/aws-iam'
import type * as lambda from 'aws-cdk-lib/aws-lambda'
import * as sources from 'aws-cdk-lib/aws-lambda-event-sources'
import type * as logs from 'aws-cdk-lib/aws-logs'
import type * as sqs from 'aws-cdk-lib/aws-sqs'
import { POOL_DEFAULTS } from '../src/core/names.ts'
import { parseS3Prefix } from '../src/core/s3-uri.ts'
import { allowRecursiveLoops, LONGEST_TIMEOUT, OwnFunction } from './constructs/function.ts'
import { combineGrants, type Grants } from './constructs/grants.ts'
import type { Foundation } from './foundation.ts'
import type { DeployedPool, DeployedProject } from './project.ts'

/** Smallest concurrency of an SQS event source. */
const LEAST_CONCURRENCY = 2

/** The pools that run on a platform, by name. */
export const listPoolsOn = (
  { pools }: DeployedProject,
  platform: 'lambda' | 'fargate',
): { [name: string]: DeployedPool } =>
  Object.fromEntries(Object.entries(pools).filter(([, { runsOn = 'lambda' }]) => runsOn === platform))

/** The tasks of a pool: its messages, records, plans, targets, its own secrets, and the permissions of its options. */
export function makePoolGrants(foundation: Foundation, name: string, pool: DeployedPool): Grants {
  const { permissions, queues } = foundation
  const queue = queues.pools.get(name)?.queue.queueArn ?? ''
  return makeTaskGrants(foundation, pool, [
    ...permissions.take([queue], pool.runsOn === 'fargate' ? 'container' : 'function'),
    // A message that comes too early is sent again with a delay.
    ...permissions.send([queue]),
  ])
}

/** The same without messages: for attempts that are given to the one who runs them. */
export function makeTaskGrants(
  foundation: Foundation,
  { secrets, allows = [], policies = [] }: DeployedPool,
  more: iam.PolicyStatement[] = [],
): Grants {
  const { permissions, storage, secretsPrefix } = foundation
  const { bucket, prefix } = parseS3Prefix(storage)
  const statements = [
    ...permissions.records(),
    ...permissions.yields(),
    ...permissions.objects(bucket, prefix, 'write'),
    ...foundation.allowReading(),
    ...more,
    ...allows.map((each) => new iam.PolicyStatement(each)),
  ]
  return { ...combineGrants(statements, permissions.readSecrets(secrets, secretsPrefix)), policies }
}

/**
 * A shell that stands for tasks of a pool: what the pool's options allow them, and reading what they read. It writes no record, plan or
 * target.
 */
export function makeShellGrants(
  foundation: Foundation,
  { allows = [], policies = [] }: DeployedPool,
  more: iam.PolicyStatement[],
): Grants {
  const { permissions, storage } = foundation
  const { bucket, prefix } = parseS3Prefix(storage)
  const statements = [
    permissions.readRecords(),
    ...permissions.plans('read'),
    ...permissions.objects(bucket, prefix, 'read'),
    ...foundation.allowReading(),
    ...more,
    ...allows.map((each) => new iam.PolicyStatement(each)),
  ]
  return { statements, policies }
}

/** A pool whose tasks run in a Lambda function, which gets the messages of the pool's queue one by one. */
export class LambdaPool {
  readonly name: string
  readonly function: lambda.Function
  readonly logGroup: logs.LogGroup

  constructor(foundation: Foundation, name: string, pool: DeployedPool) {
    this.name = name
    const { layout, scope } = foundation
    const memoryMb = pool.memoryMb ?? POOL_DEFAULTS.lambdaMemoryMb
    const own = new OwnFunction(layout.poolScope(name, scope), `Pool-${name}`, {
      description: `Tasks of the pool ${name}`,
      folder: pool.folder,
      module: 'index',
      environment: foundation.variablesOf('lambda-worker', { pool: name, memoryMb: String(memoryMb) }),
      allows: makePoolGrants(foundation, name, pool),
      logRetentionDays: foundation.logRetentionDays,
      timeout: LONGEST_TIMEOUT,
      memoryMb,
      logGroupName: layout.logGroupName(name),
    })
    this.function = own.function
    this.logGroup = own.logGroup
    const queue = foundation.queues.pools.get(name)?.queue
    if (queue === undefined) throw new Error(`the pool ${name} has no queue`)
    this.function.addEventSource(makePoolSource(queue, pool.concurrency))
    allowRecursiveLoops(this.function)
  }
}

/** How the function of a pool gets its messages: one by one, and so many at once. */
export const makePoolSource = (queue: sqs.IQueue, concurrency: number | undefined): sources.SqsEventSource =>
  new sources.SqsEventSource(queue, {
    batchSize: 1,
    reportBatchItemFailures: true,
    ...(concurrency === undefined ? {} : { maxConcurrency: Math.max(concurrency, LEAST_CONCURRENCY) }),
  })

/** Log groups of some pools: each by name, or those of all pools by a common prefix. */
export function listReadableLogs(
  { scope, layout }: Foundation,
  groups: Map<string, logs.LogGroup>,
): { arns: string[]; names: { [pool: string]: string } } {
  if (!layout.isSpread)
    return {
      arns: [...groups.values()].map(({ logGroupArn }) => logGroupArn),
      names: Object.fromEntries([...groups].map(([pool, { logGroupName }]) => [pool, logGroupName])),
    }
  const arn = Stack.of(scope).formatArn({
    service: 'logs',
    resource: 'log-group',
    resourceName: `/sluice/${layout.stackName}/*`,
    arnFormat: ArnFormat.COLON_RESOURCE_NAME,
  })
  return { arns: [arn], names: { '*': `${layout.logGroupName('')}` } }
}
