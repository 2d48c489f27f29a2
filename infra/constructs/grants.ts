import * as iam from 'aws-cdk-lib/aws-iam'

/** What a role may do. */
export interface Grants {
  statements: iam.PolicyStatement[]
  /** Statements that would make the role's own policy too long: each is a policy of its own. */
  apart?: iam.PolicyStatement[]
  /** Managed policies: names of those of AWS, or ARNs. */
  policies?: string[]
}

/** Lets a role do what is listed, and nothing else. */
export function grantTo(role: iam.Role, { statements, apart = [], policies = [] }: Grants): void {
  for (const statement of statements) role.addToPolicy(statement)
  for (const [index, statement] of apart.entries())
    new iam.ManagedPolicy(role, `Apart-${index + 1}`, { statements: [statement], roles: [role] })
  for (const [index, policy] of policies.entries())
    role.addManagedPolicy(
      policy.startsWith('arn:')
        ? iam.ManagedPolicy.fromManagedPolicyArn(role, `Policy-${index + 1}`, policy)
        : iam.ManagedPolicy.fromAwsManagedPolicyName(policy),
    )
}
