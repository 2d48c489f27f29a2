import { makeClusterTarget, parseClusterTarget } from '../src/core/names.ts'
import type { EmrCluster, EmrDefinition } from '../src/define/emr.ts'
import type { BundledJob } from '../src/project/bundled.ts'
import { makeRefusal } from './read-programs.ts'

/** How steps are added to a cluster, or to the clusters of a name. */
export interface StepCluster {
  /** As the launcher knows it: an id, or what stands for a name. */
  target: string
  /** ARNs of the roles that its steps have. */
  roles: string[]
  /** Steps have the role of its machines too. */
  allowsNoRole: boolean
  /** Tags that the clusters of a name have. */
  tags: { [key: string]: string }
}

/** Where a step runs. */
export function readStepPlace(
  family: string,
  { cluster, role, logs }: EmrDefinition,
): Pick<BundledJob, 'cluster' | 'role' | 'logs'> {
  const target = findTarget(cluster)
  if (target === undefined)
    throw makeRefusal(
      `${family} is a step of a cluster that is made for it, and a deployment runs steps on clusters that are there`,
      "Name the cluster, cluster: 'j-…' or { name }, or define the job with emrServerless(…).",
    )
  return {
    cluster: target,
    ...(role === undefined ? {} : { role }),
    ...(logs === undefined ? {} : { logs }),
  }
}

function findTarget(cluster: EmrCluster | undefined): string | undefined {
  if (typeof cluster === 'string') return cluster
  return cluster !== undefined && 'name' in cluster ? makeClusterTarget(cluster.name) : undefined
}

/** The clusters of steps, each with the roles of its steps. */
export function listClusters(steps: EmrDefinition[]): StepCluster[] {
  const listed = steps.map(({ cluster, role }) => ({
    role,
    target: findTarget(cluster) ?? '',
    tags: typeof cluster === 'object' && 'name' in cluster ? { ...cluster.tags } : {},
  }))
  const grouped = Map.groupBy(listed, ({ target, tags }) =>
    JSON.stringify([target, Object.entries(tags).sort()]),
  )
  return [...grouped.values()].flatMap((all) =>
    all.slice(0, 1).map(({ target, tags }) => ({
      target,
      tags,
      roles: [...new Set(all.flatMap(({ role }) => role ?? []))],
      allowsNoRole: all.some(({ role }) => role === undefined),
    })),
  )
}

/** Where the lines of steps are: the log folders of clusters hold more than these. */
export function listStepLogs(steps: EmrDefinition[]): string[] {
  const folders = steps.flatMap(({ cluster, logs }) => {
    const target = findTarget(cluster)
    if (logs === undefined || target === undefined) return []
    return [`${logs.replace(/\/+$/, '')}/${parseClusterTarget(target) === undefined ? target : 'j-*'}/steps/`]
  })
  return [...new Set(folders)]
}
