import { Validations } from 'aws-cdk-lib'
import type { Construct } from 'constructs'

/**
 * Rules of cdk-nag's AwsSolutions pack that a deployment does not follow, each with its reason. Wildcards in policies (IAM5)
 * are reviewed one by one in test/infra.
 */
const EXCEPTIONS: { [rule: string]: string } = {
  'AwsSolutions-S1':
    'Access logs of the bucket would need a second bucket that costs; turn on data events of CloudTrail if they are needed.',
  'AwsSolutions-SQS3':
    'These are dead-letter queues themselves, of targets whose kind the rule does not know (schedules and the stream).',
  'AwsSolutions-SMG4': 'Keys of outside services cannot be rotated by AWS; sluice secrets set replaces them.',
  'AwsSolutions-VPC7': 'Nothing comes into the network; flow logs would cost more than the network.',
  'AwsSolutions-ECS4':
    'Container Insights cost more than all else at rest; `containerInsights` of the environment turns them on.',
  'AwsSolutions-ECS2': 'Plain settings are given as variables; secrets are read at run time and never are.',
}

/** Notes the exceptions where the rules are checked. */
export function acknowledgeExceptions(scope: Construct): void {
  for (const [id, reason] of Object.entries(EXCEPTIONS)) Validations.of(scope).acknowledge({ id, reason })
}
