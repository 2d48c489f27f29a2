import * as lambda from 'aws-cdk-lib/aws-lambda'
import * as sources from 'aws-cdk-lib/aws-lambda-event-sources'
import { MOVING_AT_ONCE } from '../src/core/change.ts'
import type { Queues } from './constructs/queues.ts'
import type { Records } from './constructs/records.ts'

const BATCH = 500
/** Batches of one shard that are handled at once; changes of one record stay in order. */
const PARALLEL = 4
const TRIES = 3
/** Smallest concurrency of an SQS event source. */
const LEAST_CONCURRENCY = 2

/** Calls a function with changes of the table, and with keys from the repair queue. */
export function feedChanges(advance: lambda.Function, { table }: Records, { repair, stream }: Queues): void {
  advance.addEventSource(
    new sources.DynamoEventSource(table, {
      startingPosition: lambda.StartingPosition.TRIM_HORIZON,
      batchSize: BATCH,
      parallelizationFactor: PARALLEL,
      retryAttempts: TRIES,
      bisectBatchOnError: true,
      onFailure: new sources.SqsDlq(stream),
      filters: CHANGES,
    }),
  )
  advance.addEventSource(new sources.SqsEventSource(repair.queue, { batchSize: 1 }))
  allowLoops(advance)
}

/** Calls the function of a pool with its messages, one message per call. */
export function feedMessages(
  worker: lambda.Function,
  queues: Queues,
  pool: string,
  concurrency?: number,
): void {
  const queue = queues.pools.get(pool)?.queue
  if (queue === undefined) return
  const limit = concurrency === undefined ? {} : { maxConcurrency: Math.max(concurrency, LEAST_CONCURRENCY) }
  worker.addEventSource(
    new sources.SqsEventSource(queue, { batchSize: 1, reportBatchItemFailures: true, ...limit }),
  )
  allowLoops(worker)
}

/**
 * The end of a task sends messages for its dependents. Lambda takes that for a loop and stops it after 16 rounds, unless
 * it is allowed.
 * https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
 */
function allowLoops(each: lambda.Function): void {
  const resource = each.node.defaultChild as lambda.CfnFunction
  resource.recursiveLoop = 'Allow'
}

const image = (fields: object, eventName: 'INSERT' | 'MODIFY' = 'MODIFY') =>
  lambda.FilterCriteria.filter({
    eventName: lambda.FilterRule.isEqual(eventName),
    dynamodb: { NewImage: fields },
  })

/**
 * Changes that `advance` has to handle (`isCarriedByFeed` of src/core/change.ts). Claims and heartbeats are filtered out, so
 * that they cost no invocation.
 */
const CHANGES = [
  image(
    {
      kind: { S: lambda.FilterRule.isEqual('taskRun') },
      status: { S: lambda.FilterRule.or(...MOVING_AT_ONCE) },
    },
    'INSERT',
  ),
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
