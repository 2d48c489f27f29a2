import * as lambda from 'aws-cdk-lib/aws-lambda'
import * as sources from 'aws-cdk-lib/aws-lambda-event-sources'
import { MOVING_AT_ONCE } from '../src/core/change.ts'
import type { Queues } from './constructs/queues.ts'
import type { Records } from './constructs/records.ts'

const BATCH = 500
/** How many batches of one shard are handled at once; those of one record stay in order. */
const PARALLEL = 4
const TRIES = 3
/** Event sources of SQS begin at two. */
const LEAST_CONCURRENCY = 2

/** Brings changes of the table to a function, and keys that went aside. */
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

/** Brings the messages of a pool to its function, one each. */
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
 * Tasks lead to tasks: Lambda takes it for a loop and stops it after 16 rounds, unless it is told that it is meant.
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
 * Changes that can ask for something (`isFeedworthy` of src/core/change.ts): claims and heartbeats are left out before
 * they would cost an invocation.
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
