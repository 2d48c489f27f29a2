import { Duration, Stack } from 'aws-cdk-lib'
import * as lambda from 'aws-cdk-lib/aws-lambda'
import * as sources from 'aws-cdk-lib/aws-lambda-event-sources'
import { MOVING_AT_ONCE } from '../src/core/change.ts'
import type { StoredRecord } from '../src/core/records/stored-record.ts'
import { allowRecursiveLoops } from './constructs/function.ts'
import { combineGrants } from './constructs/grants.ts'
import { type Containers, describePlace } from './containers.ts'
import { describeJobs, type EmrJobs } from './emr-jobs.ts'
import type { Foundation } from './foundation.ts'
import type { Launching } from './launching.ts'
import { type LambdaPool, listReadableLogs } from './pools.ts'

const BATCH = 500
/** Batches of one shard that are handled at once; changes of one record stay in order. */
const PARALLEL = 4
const TRIES = 3

/** Where tasks run. */
interface Places {
  lambdaPools: LambdaPool[]
  containers: Containers | undefined
  jobs: EmrJobs | undefined
}

/** The functions that decide: `advance` handles changes of records, `tick` handles due records every minute. */
export class Deciding {
  readonly advance: lambda.Function
  readonly tick: lambda.Function

  constructor(foundation: Foundation, launching: Launching, places: Places) {
    this.advance = addAdvance(foundation, launching)
    this.tick = addTick(foundation, launching, places)
  }
}

/** Sends messages, puts yielded tasks into their run, and answers executions. */
function addAdvance(foundation: Foundation, launching: Launching): lambda.Function {
  const { permissions, queues, records, machineNames } = foundation
  const { repair, stream } = queues
  const statements = [
    ...permissions.records('list', 'remove'),
    ...permissions.plans('write'),
    ...foundation.allowSending(),
    ...permissions.send([repair.queue.queueArn]),
    launching.allowInvoking(),
  ]
  const advance = foundation.addFunction('advance', {
    description: 'Does what changed records ask for',
    settings: { repairQueue: repair.queue.queueUrl, launcher: launching.function.functionName },
    allows: combineGrants(statements, permissions.answerRuns(machineNames)),
    timeout: Duration.minutes(1),
    memoryMb: 1024,
  })
  advance.addEventSource(
    new sources.DynamoEventSource(records.table, {
      startingPosition: lambda.StartingPosition.TRIM_HORIZON,
      batchSize: BATCH,
      parallelizationFactor: PARALLEL,
      retryAttempts: TRIES,
      bisectBatchOnError: true,
      onFailure: new sources.SqsDlq(stream),
      filters: CHANGES,
    }),
  )
  allowRecursiveLoops(advance)
  return advance
}

/**
 * Its audit does the same as `advance`, except answering executions; the logs of functions tell how they died. It takes what went
 * aside as well: an event source of its own would ask the queue 650,000 times a month.
 */
function addTick(
  foundation: Foundation,
  launching: Launching,
  { lambdaPools, containers, jobs }: Places,
): lambda.Function {
  const { permissions, scope, project, queues, machineNames } = foundation
  const { repair } = queues
  const programs = project.programs.length === 0 ? undefined : containers
  const logs = listReadableLogs(
    foundation,
    new Map(lambdaPools.map(({ name, logGroup }) => [name, logGroup])),
  )
  const statements = [
    ...permissions.records('list', 'due', 'remove'),
    ...permissions.plans('write'),
    ...foundation.allowSending(),
    ...permissions.take([repair.queue.queueArn], 'container'),
    ...permissions.readLogs(logs.arns),
    launching.allowInvoking(),
    // Programs of which nothing was told are looked at, and stopped if no attempt owns them.
    ...(programs === undefined ? [] : [...programs.lookStatements(), programs.allowStopping()]),
    ...(jobs?.lookStatements({ lists: true }) ?? []),
  ]
  return foundation.addFunction('tick', {
    description: 'Brings what is due, every minute',
    settings: {
      repairQueue: repair.queue.queueUrl,
      launcher: launching.function.functionName,
      workers: describePlace(foundation, programs),
      logGroups: Stack.of(scope).toJsonString(logs.names),
      emr: describeJobs(foundation, jobs),
    },
    allows: combineGrants(statements, permissions.answerRuns(machineNames)),
    timeout: Duration.minutes(5),
  })
}

const { isEqual, notEquals, or } = lambda.FilterRule

const matchChangedRecords = (
  kinds: StoredRecord['kind'][],
  fields: object = {},
  eventName: 'INSERT' | 'MODIFY' = 'MODIFY',
) =>
  lambda.FilterCriteria.filter({
    eventName: isEqual(eventName),
    dynamodb: { NewImage: { kind: { S: or(...kinds) }, ...fields } },
  })

/**
 * Changes that `advance` has to handle (`isCarriedByFeed` of src/core/change.ts). Claims and heartbeats are filtered out, so
 * that they cost no invocation.
 */
const CHANGES = [
  matchChangedRecords(['taskRun'], { status: { S: or(...MOVING_AT_ONCE) } }, 'INSERT'),
  matchChangedRecords(['taskRun'], { status: { S: notEquals('running') } }),
  matchChangedRecords(['run', 'limit']),
  matchChangedRecords(['lock'], { waiting: { BOOL: isEqual(true) } }),
]
