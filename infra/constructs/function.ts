import { Duration, RemovalPolicy } from 'aws-cdk-lib'
import * as iam from 'aws-cdk-lib/aws-iam'
import * as lambda from 'aws-cdk-lib/aws-lambda'
import * as logs from 'aws-cdk-lib/aws-logs'
import { Construct } from 'constructs'
import { type Grants, grantToRole } from './grants.ts'

/** Longest timeout of Lambda. */
export const LONGEST_TIMEOUT = Duration.minutes(15)

/** Timeout of the function that launches programs; a message whose launcher died comes again after twice this. */
export const LAUNCH_TIMEOUT = Duration.minutes(1)

/** Options of a function. */
export interface FunctionProps {
  description: string
  /** Folder with its bundle. */
  folder: string
  /** Module in that folder. */
  module: string
  environment: { [name: string]: string }
  allows: Grants
  logRetentionDays: number
  timeout: Duration
  /** @default 512 */
  memoryMb?: number
  /** Executions at once that the account keeps for it. @default none are kept */
  reserved?: number | undefined
  /** @default one that CloudFormation makes up */
  logGroupName?: string | undefined
}

/** A function with its own role, which has the listed permissions and may write its log. */
export class OwnFunction extends Construct {
  readonly function: lambda.Function
  readonly logGroup: logs.LogGroup
  readonly role: iam.Role

  constructor(scope: Construct, id: string, props: FunctionProps) {
    super(scope, id)
    this.logGroup = new logs.LogGroup(this, 'Logs', {
      retention: props.logRetentionDays,
      removalPolicy: RemovalPolicy.RETAIN,
      ...(props.logGroupName === undefined ? {} : { logGroupName: props.logGroupName }),
    })
    this.role = new iam.Role(this, 'Role', { assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com') })
    this.logGroup.grantWrite(this.role)
    grantToRole(this.role, props.allows)
    this.function = new lambda.Function(this, 'Function', {
      description: props.description,
      runtime: lambda.Runtime.NODEJS_24_X,
      architecture: lambda.Architecture.ARM_64,
      code: lambda.Code.fromAsset(props.folder),
      handler: `${props.module}.handler`,
      memorySize: props.memoryMb ?? 512,
      timeout: props.timeout,
      role: this.role,
      logGroup: this.logGroup,
      environment: props.environment,
      ...(props.reserved === undefined ? {} : { reservedConcurrentExecutions: props.reserved }),
    })
  }
}

/**
 * The end of a task sends messages for its dependents. Lambda takes that for a loop and stops it after 16 rounds, unless
 * it is allowed.
 * https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
 */
export function allowRecursiveLoops(each: lambda.Function): void {
  const resource = each.node.defaultChild as lambda.CfnFunction
  resource.recursiveLoop = 'Allow'
}
