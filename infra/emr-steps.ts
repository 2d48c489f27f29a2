import { Stack } from 'aws-cdk-lib'
import type * as iam from 'aws-cdk-lib/aws-iam'
import type { Construct } from 'constructs'
import { isClusterId, OWN_CLUSTER } from '../src/core/names.ts'
import { allowActions } from './constructs/permissions.ts'
import type { StepCluster } from './read-steps.ts'

const ROLE = 'elasticmapreduce:ExecutionRoleArn'
const TAG = 'elasticmapreduce:ResourceTag/'

/** Permissions for adding steps to clusters with their roles alone, or making such clusters, finding what was launched, and ending it. */
export const allowSteps = (scope: Construct, clusters: StepCluster[]): iam.PolicyStatement[] => [
  ...clusters.flatMap((cluster) =>
    isOwn(cluster)
      ? allowMaking(scope, cluster)
      : allowActions(
          ['elasticmapreduce:AddJobFlowSteps'],
          [toArn(scope, cluster)],
          combine(conditionOf(cluster), tagsOf(cluster)),
        ),
  ),
  ...allowOnEach(scope, clusters, (cluster) => [
    'CancelSteps',
    // A step is ended with its cluster if that was made for it, which the name of the cluster tells.
    ...(clusters.some(isOwn) ? ['DescribeCluster'] : []),
    'ListSteps',
    ...(isOwn(cluster) ? ['TerminateJobFlows'] : []),
  ]),
  ...allowFinding(clusters),
]

/** Permissions for looking at steps and at their clusters, and ending what must not go on; `lists`: also at all that are open. */
export const allowLookingAtSteps = (
  scope: Construct,
  clusters: StepCluster[],
  { lists }: { lists: boolean },
): iam.PolicyStatement[] => [
  ...allowOnEach(scope, clusters, (cluster) => [
    'CancelSteps',
    'DescribeCluster',
    'ListSteps',
    ...(isOwn(cluster) ? ['TerminateJobFlows'] : []),
  ]),
  ...(lists ? allowFinding(clusters) : []),
]

/** Clusters that are made have the tags of the deployment and their roles alone. */
function allowMaking(scope: Construct, cluster: StepCluster): iam.PolicyStatement[] {
  const tagged = tagsOf(cluster, 'elasticmapreduce:RequestTag/')
  const allowPassing = (roles: string[], service: string) =>
    allowActions(
      ['iam:PassRole'],
      roles.map((resourceName) =>
        Stack.of(scope).formatArn({ service: 'iam', region: '', resource: 'role', resourceName }),
      ),
      { StringEquals: { 'iam:PassedToService': service } },
    )
  return [
    allowActions(['elasticmapreduce:RunJobFlow'], ['*'], tagged),
    allowActions(['elasticmapreduce:AddTags'], [toArn(scope, cluster)], tagged),
    allowPassing(cluster.passes.services, 'elasticmapreduce.amazonaws.com'),
    allowPassing(cluster.passes.machines, 'ec2.amazonaws.com'),
  ]
}

/** All that are named by their ids in one statement; the others in one each, by their tags. */
function allowOnEach(
  scope: Construct,
  clusters: StepCluster[],
  namesOf: (cluster: StepCluster) => string[],
): iam.PolicyStatement[] {
  const known = clusters.filter((cluster) => !isUnknown(cluster))
  const actionsOn = (cluster: StepCluster) => namesOf(cluster).map((name) => `elasticmapreduce:${name}`)
  return [
    ...known
      .slice(0, 1)
      .map((first) => allowActions(actionsOn(first), [...new Set(known.map((each) => toArn(scope, each)))])),
    ...clusters
      .filter(isUnknown)
      .map((cluster) => allowActions(actionsOn(cluster), [toArn(scope, cluster)], tagsOf(cluster))),
  ]
}

/** EMR lists all clusters of the account or none. */
const allowFinding = (clusters: StepCluster[]): iam.PolicyStatement[] =>
  clusters.some(isUnknown) ? [allowActions(['elasticmapreduce:ListClusters'], ['*'])] : []

const isOwn = ({ target }: StepCluster) => target === OWN_CLUSTER

/** Which ids they will have is not known. */
const isUnknown = ({ target }: StepCluster) => !isClusterId(target)

type Condition = { [operator: string]: { [key: string]: string | string[] } }

/** A step without a role has that of the cluster's machines, which a step with a role may not get around. */
function conditionOf({ roles, allowsNoRole }: StepCluster): Condition {
  if (roles.length === 0) return { Null: { [ROLE]: 'true' } }
  return { [allowsNoRole ? 'StringEqualsIfExists' : 'StringEquals']: { [ROLE]: roles } }
}

/** Tags are all that tells the clusters of a name from others: their ids are not known. */
function tagsOf({ tags }: StepCluster, kind = TAG): Condition | undefined {
  const wanted = Object.entries(tags).map(([key, value]) => [`${kind}${key}`, value] as const)
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
    resourceName: isUnknown(cluster) ? '*' : cluster.target,
  })
