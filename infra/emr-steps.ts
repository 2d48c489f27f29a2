import { Stack } from 'aws-cdk-lib'
import type * as iam from 'aws-cdk-lib/aws-iam'
import type { Construct } from 'constructs'
import { parseClusterTarget } from '../src/core/names.ts'
import { allowActions } from './constructs/permissions.ts'
import type { StepCluster } from './read-steps.ts'

const ROLE = 'elasticmapreduce:ExecutionRoleArn'
const TAG = 'elasticmapreduce:ResourceTag/'

/** Permissions for adding steps to clusters with their roles alone, finding what an earlier launcher has added, and ending it. */
export function allowSteps(scope: Construct, clusters: StepCluster[]): iam.PolicyStatement[] {
  const adding = clusters.map((cluster) =>
    allowActions(
      ['elasticmapreduce:AddJobFlowSteps'],
      [toArn(scope, cluster)],
      combine(conditionOf(cluster), tagsOf(cluster)),
    ),
  )
  return [...adding, ...allowOnEach(scope, clusters, ['CancelSteps', 'ListSteps']), ...allowFinding(clusters)]
}

/** Permissions for looking at steps and at their clusters, and ending what must not go on; `lists`: also at all that are open. */
export const allowLookingAtSteps = (
  scope: Construct,
  clusters: StepCluster[],
  { lists }: { lists: boolean },
): iam.PolicyStatement[] => [
  ...allowOnEach(scope, clusters, ['CancelSteps', 'DescribeCluster', 'ListSteps']),
  ...(lists ? allowFinding(clusters) : []),
]

/** All that are named by their ids in one statement; those of a name in one each, by their tags. */
function allowOnEach(scope: Construct, clusters: StepCluster[], names: string[]): iam.PolicyStatement[] {
  const actions = names.map((name) => `elasticmapreduce:${name}`)
  const known = clusters.filter((cluster) => !isNamed(cluster)).map((cluster) => toArn(scope, cluster))
  return [
    ...(known.length === 0 ? [] : [allowActions(actions, [...new Set(known)])]),
    ...clusters
      .filter(isNamed)
      .map((cluster) => allowActions(actions, [toArn(scope, cluster)], tagsOf(cluster))),
  ]
}

/** EMR lists all clusters of the account or none. */
const allowFinding = (clusters: StepCluster[]): iam.PolicyStatement[] =>
  clusters.some(isNamed) ? [allowActions(['elasticmapreduce:ListClusters'], ['*'])] : []

const isNamed = ({ target }: StepCluster) => parseClusterTarget(target) !== undefined

type Condition = { [operator: string]: { [key: string]: string | string[] } }

/** A step without a role has that of the cluster's machines, which a step with a role may not get around. */
function conditionOf({ roles, allowsNoRole }: StepCluster): Condition {
  if (roles.length === 0) return { Null: { [ROLE]: 'true' } }
  return { [allowsNoRole ? 'StringEqualsIfExists' : 'StringEquals']: { [ROLE]: roles } }
}

/** Tags are all that tells the clusters of a name from others: their ids are not known. */
function tagsOf({ tags }: StepCluster): Condition | undefined {
  const wanted = Object.entries(tags).map(([key, value]) => [`${TAG}${key}`, value] as const)
  return wanted.length === 0 ? undefined : { StringEquals: Object.fromEntries(wanted) }
}

const combine = (one: Condition, other: Condition = {}): Condition => ({
  ...one,
  ...other,
  ...(one.StringEquals && other.StringEquals
    ? { StringEquals: { ...one.StringEquals, ...other.StringEquals } }
    : {}),
})

const toArn = (scope: Construct, cluster: StepCluster): string =>
  Stack.of(scope).formatArn({
    service: 'elasticmapreduce',
    resource: 'cluster',
    resourceName: isNamed(cluster) ? '*' : cluster.target,
  })
