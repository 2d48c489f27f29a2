import type * as lambda from 'aws-cdk-lib/aws-lambda'
import * as sources from 'aws-cdk-lib/aws-lambda-event-sources'
import { makeProgramsQueueName } from '../src/core/names.ts'
import { allowRecursiveLoops, LAUNCH_TIMEOUT } from './constructs/function.ts'
import type { Containers } from './containers.ts'
import type { Foundation } from './foundation.ts'
import type { Programs } from './programs.ts'

/** Messages of one invocation, and invocations at once: RunTask starts 20 tasks a second. */
const BATCH = 10
const CONCURRENCY = 2

/** The function that launches programs, one ECS task for each message of a pool's queue of programs. */
export class LaunchingPrograms {
  readonly function: lambda.Function

  constructor(foundation: Foundation, containers: Containers, programs: Programs) {
    const { permissions, queues } = foundation
    const pools = [...new Set(programs.definitions.map(({ pool }) => pool))].map(makeProgramsQueueName)
    const arns = queues.arnsOf(pools)
    this.function = foundation.addFunction('launch-programs', {
      description: 'Launches programs in containers',
      settings: { workers: containers.describePlace() },
      allows: {
        statements: [
          // A claim looks at targets if an earlier attempt may have made them.
          ...foundation.allowLooking('read', 'list'),
          ...permissions.take(arns, 'function'),
          // A message that comes too early is sent again with a delay.
          ...permissions.send(arns),
          ...containers.launchStatements(programs.definitions),
          // What an earlier launch has started is found by its token; a program whose attempt is over is stopped.
          containers.allowListing(),
          containers.allowStopping(),
        ],
      },
      timeout: LAUNCH_TIMEOUT,
    })
    for (const pool of pools) {
      const queue = queues.pools.get(pool)?.queue
      if (queue === undefined) throw new Error(`the pool ${pool} has no queue`)
      this.function.addEventSource(
        new sources.SqsEventSource(queue, {
          batchSize: BATCH,
          maxConcurrency: CONCURRENCY,
          reportBatchItemFailures: true,
        }),
      )
    }
    allowRecursiveLoops(this.function)
  }
}
