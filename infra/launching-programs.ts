import type * as lambda from 'aws-cdk-lib/aws-lambda'
import * as sources from 'aws-cdk-lib/aws-lambda-event-sources'
import { makeProgramsQueueName } from '../src/core/names.ts'
import { allowRecursiveLoops, LAUNCH_TIMEOUT } from './constructs/function.ts'
import { type Containers, describePlace } from './containers.ts'
import { describeJobs, type EmrJobs } from './emr-jobs.ts'
import type { Foundation } from './foundation.ts'
import type { Programs } from './programs.ts'

/** Messages of one invocation, and invocations at once: RunTask starts 20 tasks a second. */
const BATCH = 10
const CONCURRENCY = 2

/** What a deployment launches. */
interface Launched {
  /** Programs in containers, and the cluster that they run in. */
  ecs: { containers: Containers; programs: Programs } | undefined
  jobs: EmrJobs | undefined
}

/** The function that launches programs and jobs, one for each message of a pool's queue of programs. */
export class LaunchingPrograms {
  readonly function: lambda.Function

  constructor(foundation: Foundation, { ecs, jobs }: Launched) {
    const { permissions, queues } = foundation
    const launched = [...(ecs?.programs.definitions.map(({ pool }) => pool) ?? []), ...(jobs?.pools ?? [])]
    const pools = [...new Set(launched)].map(makeProgramsQueueName)
    const arns = queues.arnsOf(pools)
    this.function = foundation.addFunction('launch-programs', {
      description: 'Launches programs in containers, and jobs of EMR',
      settings: {
        workers: describePlace(foundation, ecs?.containers),
        emr: describeJobs(foundation, jobs),
      },
      allows: {
        statements: [
          // A claim looks at targets if an earlier attempt may have made them.
          ...foundation.allowLooking('read', 'list'),
          ...permissions.take(arns, 'function'),
          // A message that comes too early is sent again with a delay.
          ...permissions.send(arns),
          // What an earlier launch has started is found by its token; a program whose attempt is over is stopped.
          ...(ecs === undefined
            ? []
            : [
                ...ecs.containers.launchStatements(ecs.programs.definitions),
                ecs.containers.allowListing(),
                ecs.containers.allowStopping(),
              ]),
          ...(jobs?.launchStatements() ?? []),
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
