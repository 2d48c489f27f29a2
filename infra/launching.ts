import { Duration } from 'aws-cdk-lib'
import type * as iam from 'aws-cdk-lib/aws-iam'
import type * as lambda from 'aws-cdk-lib/aws-lambda'
import { allowActions } from './constructs/permissions.ts'
import { type Containers, describePlace } from './containers.ts'
import type { Foundation } from './foundation.ts'
import { listPoolsOn } from './pools.ts'

/** The function that launches containers. Others invoke it when a pool may be missing some. */
export class Launching {
  readonly function: lambda.Function

  constructor(foundation: Foundation, containers: Containers | undefined) {
    const { permissions, project, queues } = foundation
    const pools = Object.keys(listPoolsOn(project, 'fargate'))
    this.function = foundation.addFunction('launch-workers', {
      description: 'Launches containers that a pool is missing',
      settings: { workers: describePlace(foundation, containers) },
      allows: {
        statements: [
          ...permissions.records(),
          ...permissions.measure(queues.arnsOf(pools)),
          ...(containers?.launchStatements(containers.listDefinitions()) ?? []),
          ...(containers?.listDefinitions().length ? containers.lookStatements() : []),
        ],
      },
      timeout: Duration.minutes(1),
    })
  }

  /** Permission to have containers launched. */
  allowInvoking(): iam.PolicyStatement {
    return allowActions(['lambda:InvokeFunction'], [this.function.functionArn])
  }
}
