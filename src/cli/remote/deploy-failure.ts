import {
  CloudFormationClient,
  DescribeStackEventsCommand,
  type StackEvent,
} from '@aws-sdk/client-cloudformation'
import { SluiceError } from '../../core/errors.ts'
import { explainAwsError, isCredentialsError } from '../../homes/remote/deployment.ts'

/** What a failed deployment was about. */
export interface DeployFailure {
  /** The CDK's command and its exit code. */
  verb: string
  code: number
  stack: string
  region: string
  /** When it began. */
  since: Date
}

/** What is to be done about the reasons that CloudFormation gives for a resource. */
const HINTS: [reason: RegExp, hint: (failure: DeployFailure) => string][] = [
  [
    /already exists/i,
    () =>
      'An earlier deployment left it (tables and buckets are kept), or another stack has it: remove it, or give the environment another `stack`.',
  ],
  [
    /unrecognized resource type|not (available|supported) in|is not a valid region|does not support/i,
    ({ region }) =>
      `The region ${region} does not have that service: give the environment another \`region\`.`,
  ],
  [
    /not authorized|access ?denied/i,
    () => 'docs/security.md lists what a person who deploys needs, and what the CDK deploys with.',
  ],
  [/limit|quota/i, () => 'docs/scale.md says which limits to raise, and where.'],
]

const TAKEN_BACK = 'CloudFormation has taken back what it had begun. Correct what is said, then deploy again.'

/** The first resource that failed, with its reason; whatever comes after it was only cancelled. */
export function explainStackEvents(events: StackEvent[], failure: DeployFailure): SluiceError {
  const { verb, code, region } = failure
  const first = events
    .filter(
      ({ ResourceStatus = '', Timestamp }) => ResourceStatus.endsWith('_FAILED') && isNew(Timestamp, failure),
    )
    .sort((a, b) => Number(a.Timestamp) - Number(b.Timestamp))[0]
  if (first === undefined)
    return new SluiceError(
      'deployment_unreachable',
      `cdk ${verb} ended with exit code ${code}; its own lines say why.`,
      { hint: `A region that was never deployed to needs: npx cdk bootstrap aws://ACCOUNT/${region}` },
    )
  const { LogicalResourceId, ResourceType, ResourceStatusReason = 'no reason was told' } = first
  const hint = HINTS.find(([reason]) => reason.test(ResourceStatusReason))?.[1](failure)
  return new SluiceError(
    'deployment_unreachable',
    `${LogicalResourceId} (${ResourceType}) failed: ${ResourceStatusReason}`,
    {
      hint:
        hint ?? (verb === 'deploy' ? TAKEN_BACK : 'Correct what is said, then give the same command again.'),
    },
  )
}

/** Clocks of this machine and of AWS may differ. */
const SKEW_MS = 30_000

const isNew = (at: Date | undefined, { since }: DeployFailure) =>
  at !== undefined && at.getTime() >= since.getTime() - SKEW_MS

/** Why a deployment failed, as the stack's events tell; if they cannot be asked, as that tells, or the CDK's own lines. */
export async function explainDeployFailure(failure: DeployFailure): Promise<SluiceError> {
  const { stack, region } = failure
  try {
    const client = new CloudFormationClient({ region })
    const { StackEvents = [] } = await client.send(new DescribeStackEventsCommand({ StackName: stack }))
    return explainStackEvents(StackEvents, failure)
  } catch (error) {
    return isCredentialsError(error) ? explainAwsError(error) : explainStackEvents([], failure)
  }
}
