import type * as lambda from 'aws-cdk-lib/aws-lambda'
import { LONGEST_TIMEOUT } from './constructs/function.ts'
import { combineGrants } from './constructs/grants.ts'
import { Executions } from './executions.ts'
import type { Foundation } from './foundation.ts'

/** The function that plans a run, and the state machines that call it. */
export class Planning {
  readonly function: lambda.Function
  readonly executions: Executions

  constructor(foundation: Foundation) {
    const { scope, layout, permissions, project, machineNames, logRetentionDays, secretsPrefix } = foundation
    const looking = [
      ...foundation.allowLooking('write', 'list', 'remove'),
      ...permissions.lookAtSecrets(secretsPrefix),
    ]
    this.function = foundation.addFunction('plan', {
      description: 'Plans a run and notes who waits for its end',
      settings: {},
      allows: combineGrants(looking, permissions.answerRuns(machineNames)),
      timeout: LONGEST_TIMEOUT,
      memoryMb: 2048,
    })
    this.executions = new Executions(scope, 'Machines', {
      pipelines: project.pipelines,
      planArn: this.function.functionArn,
      layout,
      logRetentionDays,
    })
  }
}
