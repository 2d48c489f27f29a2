import { Duration, Stack } from 'aws-cdk-lib'
import type * as ecs from 'aws-cdk-lib/aws-ecs'
import * as lambda from 'aws-cdk-lib/aws-lambda'
import type * as logs from 'aws-cdk-lib/aws-logs'
import { makeShellFamilyPattern } from '../src/core/names.ts'
import { parseS3Prefix } from '../src/core/s3-uri.ts'
import { makeMachineArn } from './constructs/arns.ts'
import { combineGrants } from './constructs/grants.ts'
import { type Containers, describePlace } from './containers.ts'
import type { Foundation } from './foundation.ts'
import { listReadableLogs } from './pools.ts'

/** The function that answers the command and the console. Calls are signed with AWS credentials. */
export class Api {
  readonly function: lambda.Function
  readonly url: string

  /** `logGroups`: those of the pools' tasks, by pool; `shells`: what is opened for people, and where. */
  constructor(
    foundation: Foundation,
    logGroups: Map<string, logs.LogGroup>,
    shells: { containers: Containers; definitions: { definition: ecs.FargateTaskDefinition }[] } | undefined,
  ) {
    const { scope, layout, permissions, secretsPrefix, machineNames } = foundation
    const { arns, names } = listReadableLogs(foundation, logGroups)
    // Lines of steps are in the log folders of their clusters.
    const steps = foundation.project.jobs.logs.map(parseS3Prefix)
    const statements = [
      ...foundation.allowLooking('read', 'list'),
      ...permissions.readLogs(arns),
      ...steps.flatMap(({ bucket, prefix }) => permissions.objects(bucket, prefix, 'read')),
      ...permissions.lookAtSecrets(secretsPrefix),
      ...permissions.setSecrets(secretsPrefix),
      ...(shells === undefined
        ? []
        : [
            ...shells.containers.launchStatements(shells.definitions, makeShellFamilyPattern(layout.prefix)),
            // What is to be stopped has to be a shell.
            shells.containers.allowDescribing(),
            shells.containers.allowStopping(),
          ]),
    ]
    this.function = foundation.addFunction('api', {
      description: 'Answers the command and the console',
      settings: {
        machines: makeMachineArn(scope, layout.prefix),
        logGroups: Stack.of(scope).toJsonString(names),
        workers: describePlace(foundation, shells?.containers),
      },
      allows: combineGrants(statements, permissions.startRuns(machineNames)),
      timeout: Duration.minutes(1),
      memoryMb: 1024,
    })
    this.url = this.function.addFunctionUrl({ authType: lambda.FunctionUrlAuthType.AWS_IAM }).url
  }
}
