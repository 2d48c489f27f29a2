import { Aws, RemovalPolicy, Stack, Tags } from 'aws-cdk-lib'
import * as iam from 'aws-cdk-lib/aws-iam'
import * as logs from 'aws-cdk-lib/aws-logs'
import * as sfn from 'aws-cdk-lib/aws-stepfunctions'
import { Construct } from 'constructs'
import { ERRORS } from '../src/core/errors.ts'
import { EXECUTION_ERRORS, TASKS_MACHINE } from '../src/core/names.ts'
import type { Pipeline } from '../src/define/pipeline.ts'
import { makeMachineArn } from './constructs/arns.ts'
import { allowActions } from './constructs/permissions.ts'
import type { Layout } from './layout.ts'

/** Input of the state machines. */
export interface ExecutionsProps {
  pipelines: Pipeline[]
  /** ARN of the function that plans. */
  planArn: string
  layout: Layout
  logRetentionDays: number
}

/** Shows what a pipeline costs in the account's bill. */
const PIPELINE_TAG = 'sluice:pipeline'

/** Errors of the planning function about its input, which another attempt cannot mend. */
const FINAL = [
  ...Object.values(EXECUTION_ERRORS),
  ...Object.entries(ERRORS).flatMap(([code, { source }]) => (source === 'user' ? [code] : [])),
]

/** One state machine per pipeline, and one for task families; their executions show runs in the AWS console. */
export class Executions extends Construct {
  /** ARNs of the state machines, by the name of the pipeline. */
  readonly arns = new Map<string, string>()
  readonly machines: sfn.CfnStateMachine[] = []

  constructor(
    scope: Construct,
    id: string,
    { pipelines, planArn, layout, logRetentionDays }: ExecutionsProps,
  ) {
    super(scope, id)
    const { prefix } = layout
    const role = new iam.Role(this, 'Role', { assumedBy: new iam.ServicePrincipal('states.amazonaws.com') })
    role.addToPolicy(allowActions(['lambda:InvokeFunction'], [planArn]))
    for (const statement of LOG_DELIVERY) role.addToPolicy(statement())
    const logGroup = new logs.LogGroup(this, 'Logs', {
      // Step Functions may write into log groups of this name without a policy that grows with each machine.
      logGroupName: `/aws/vendedlogs/states/${layout.stackName}-runs-${layout.stackNonce}`,
      retention: logRetentionDays,
      removalPolicy: RemovalPolicy.RETAIN,
    })
    for (const name of [...pipelines.map((pipeline) => pipeline.name), TASKS_MACHINE]) {
      const isPipeline = name !== TASKS_MACHINE
      const machine = new sfn.CfnStateMachine(isPipeline ? layout.pipelineScope(name, this) : this, name, {
        stateMachineName: `${prefix}${name}`,
        stateMachineType: 'STANDARD',
        roleArn: role.roleArn,
        definitionString: Stack.of(this).toJsonString(makeMachineDefinition(planArn, name)),
        loggingConfiguration: {
          level: 'ALL',
          includeExecutionData: false,
          destinations: [{ cloudWatchLogsLogGroup: { logGroupArn: logGroup.logGroupArn } }],
        },
        tracingConfiguration: { enabled: true },
      })
      machine.node.addDependency(role)
      if (isPipeline) Tags.of(machine).add(PIPELINE_TAG, name)
      this.machines.push(machine)
      this.arns.set(name, makeMachineArn(this, `${prefix}${name}`))
    }
  }
}

/** Log delivery and traces have no resources: https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html */
const LOG_DELIVERY = [
  () =>
    allowActions(
      [
        'logs:CreateLogDelivery',
        'logs:GetLogDelivery',
        'logs:UpdateLogDelivery',
        'logs:DeleteLogDelivery',
        'logs:ListLogDeliveries',
        'logs:PutResourcePolicy',
        'logs:DescribeResourcePolicies',
        'logs:DescribeLogGroups',
      ],
      ['*'],
    ),
  () =>
    allowActions(
      [
        'xray:PutTraceSegments',
        'xray:PutTelemetryRecords',
        'xray:GetSamplingRules',
        'xray:GetSamplingTargets',
      ],
      ['*'],
    ),
]

/**
 * One state with a task token: the function registers the token, then plans, and the end of the run answers it. A
 * separate state for waiting would miss the end of a run that ends before the next transition.
 */
export function makeMachineDefinition(
  planArn: string,
  name: string,
  partition: string = Aws.PARTITION,
): object {
  const pipeline = name === TASKS_MACHINE ? {} : { pipeline: name }
  return {
    Comment: `Runs of ${name}. The input is an object of parameters.`,
    StartAt: 'Run',
    States: {
      Run: {
        Type: 'Task',
        Resource: `arn:${partition}:states:::lambda:invoke.waitForTaskToken`,
        Parameters: {
          FunctionName: planArn,
          Payload: {
            'token.$': '$$.Task.Token',
            'execution.$': '$$.Execution.Id',
            'name.$': '$$.Execution.Name',
            'input.$': '$',
            ...pipeline,
          },
        },
        Retry: [
          { ErrorEquals: FINAL, MaxAttempts: 0 },
          { ErrorEquals: ['States.ALL'], IntervalSeconds: 2, BackoffRate: 2, MaxAttempts: 5 },
        ],
        End: true,
      },
    },
  }
}
