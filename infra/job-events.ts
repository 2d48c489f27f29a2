import { Duration } from 'aws-cdk-lib'
import * as events from 'aws-cdk-lib/aws-events'
import * as targets from 'aws-cdk-lib/aws-events-targets'
import type * as lambda from 'aws-cdk-lib/aws-lambda'
import { makeJobNamePrefix } from '../src/core/job-name.ts'
import { EVENTS, isClusterId } from '../src/core/names.ts'
import { makeMachineArn } from './constructs/arns.ts'
import type { Containers } from './containers.ts'
import type { EmrJobs } from './emr-jobs.ts'
import type { Foundation } from './foundation.ts'
import type { Launching } from './launching.ts'

/** A pattern of EventBridge has 2,048 characters, and an ARN about 70 beside the name of its machine. */
const PATTERN_CHARACTERS = 1_800
const ARN_CHARACTERS = 70

/** The function that ends the attempts of stopped containers and of job runs, and cancels runs whose executions were stopped. */
export class JobEvents {
  readonly function: lambda.Function

  constructor(
    foundation: Foundation,
    launching: Launching,
    { containers, jobs }: { containers: Containers | undefined; jobs: EmrJobs | undefined },
  ) {
    const { scope, permissions } = foundation
    this.function = foundation.addFunction('job-events', {
      description: 'Hears of executions that were stopped, and containers that have',
      settings: { launcher: launching.function.functionName },
      allows: {
        statements: [
          ...permissions.records('list', 'due', 'remove'),
          ...permissions.plans('read'),
          launching.allowInvoking(),
          ...(jobs?.lookStatements({ lists: false }) ?? []),
        ],
      },
      timeout: Duration.minutes(1),
    })
    const { execution, container, jobRun, step } = EVENTS
    const addRule = (
      id: string,
      { source, detailType }: typeof execution | typeof container | typeof jobRun | typeof step,
      detail: object,
    ) =>
      new events.Rule(scope, id, {
        eventPattern: { source: [source], detailType: [detailType], detail },
        targets: [new targets.LambdaFunction(this.function)],
      })
    addRule('StoppedExecutions', execution, {
      status: [execution.status],
      stateMachineArn: patternOfMachines(foundation),
    })
    if (containers !== undefined)
      addRule('StoppedContainers', container, {
        lastStatus: [container.status],
        clusterArn: [containers.cluster.clusterArn],
      })
    if (jobs !== undefined && jobs.roles.size > 0)
      addRule('ChangedJobRuns', jobRun, {
        state: ['RUNNING', 'SUCCESS', 'FAILED', 'CANCELLED'],
        applicationId: [...new Set(Object.values(jobs.applications))],
      })
    if (jobs !== undefined && jobs.clusters.length > 0)
      addRule('ChangedSteps', step, {
        state: ['RUNNING', 'COMPLETED', 'FAILED', 'CANCELLED', 'INTERRUPTED'],
        // Ids of clusters that are named by their names are not known: then the name of the step has to do.
        ...(jobs.clusters.some((target) => !isClusterId(target)) ? {} : { clusterId: jobs.clusters }),
        name: [{ prefix: makeJobNamePrefix(foundation.layout.stackName) }],
      })
  }
}

/** The state machines by their ARNs while they fit a pattern; otherwise by the prefix of their names. */
function patternOfMachines({ scope, layout, machineNames }: Foundation): unknown[] {
  const length = machineNames.reduce((sum, name) => sum + name.length + ARN_CHARACTERS, 0)
  if (!layout.isSpread && length <= PATTERN_CHARACTERS)
    return machineNames.map((name) => makeMachineArn(scope, name))
  // What is heard of another stack's executions is noted, and changes nothing.
  return [{ prefix: makeMachineArn(scope, layout.prefix) }]
}
