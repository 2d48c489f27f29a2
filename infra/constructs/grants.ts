import * as iam from 'aws-cdk-lib/aws-iam'

/** Permissions of a role. */
export interface Grants {
  statements: iam.PolicyStatement[]
  /** Statements that do not fit into the role's own policy; each becomes a managed policy. */
  apart?: iam.PolicyStatement[]
  /** Managed policies: names of AWS policies, or ARNs. */
  policies?: string[]
}

/** Statements that come in groups, each of which fills a policy: a single one fits into the role's own. */
export const combineGrants = (statements: iam.PolicyStatement[], groups: iam.PolicyStatement[]): Grants =>
  groups.length > 1 ? { statements, apart: groups } : { statements: [...statements, ...groups] }

/** Gives a role the listed permissions, and no others. */
export function grantToRole(role: iam.Role, { statements, apart = [], policies = [] }: Grants): void {
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
