import { Stack } from 'aws-cdk-lib'
import type * as iam from 'aws-cdk-lib/aws-iam'
import type { Construct } from 'constructs'
import { allowActions } from './constructs/permissions.ts'
import type { DeployedJobs, StepCluster } from './read-jobs.ts'

const ROLE = 'elasticmapreduce:ExecutionRoleArn'

/** Permissions for adding steps to clusters with their roles alone, finding what an earlier launcher has added, and ending it. */
export function allowSteps(scope: Construct, clusters: DeployedJobs['clusters']): iam.PolicyStatement[] {
  const ids = Object.keys(clusters)
  if (ids.length === 0) return []
  const adding = Object.entries(clusters).map(([id, cluster]) =>
    allowActions(['elasticmapreduce:AddJobFlowSteps'], toArns(scope, [id]), conditionOf(cluster)),
  )
  return [
    ...adding,
    allowActions(['elasticmapreduce:CancelSteps', 'elasticmapreduce:ListSteps'], toArns(scope, ids)),
  ]
}

/** Permissions for looking at steps and at their clusters, and ending what must not go on. */
export const allowLookingAtSteps = (scope: Construct, clusters: string[]): iam.PolicyStatement[] =>
  clusters.length === 0
    ? []
    : [
        allowActions(
          ['elasticmapreduce:CancelSteps', 'elasticmapreduce:DescribeCluster', 'elasticmapreduce:ListSteps'],
          toArns(scope, clusters),
        ),
      ]

/** A step without a role has that of the cluster's machines, which a step with a role may not get around. */
function conditionOf({ roles, allowsNoRole }: StepCluster) {
  if (roles.length === 0) return { Null: { [ROLE]: 'true' } }
  return { [allowsNoRole ? 'StringEqualsIfExists' : 'StringEquals']: { [ROLE]: roles } }
}

const toArns = (scope: Construct, clusters: string[]): string[] =>
  clusters.map((id) =>
    Stack.of(scope).formatArn({ service: 'elasticmapreduce', resource: 'cluster', resourceName: id }),
  )
