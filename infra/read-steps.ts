import { makeClusterTarget, OWN_CLUSTER } from '../src/core/names.ts'
import type { OwnCluster } from '../src/core/program.ts'
import type { EmrCluster, EmrDefinition } from '../src/define/emr.ts'
import type { BundledJob } from '../src/project/bundled.ts'

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
  /** Names of the roles of clusters that are made for steps. */
  passes: { services: string[]; machines: string[] }
}

/** Where a step runs. */
export function readStepPlace({
  cluster,
  role,
  logs,
}: EmrDefinition): Pick<BundledJob, 'cluster' | 'role' | 'logs' | 'own'> {
  const own = findOwn(cluster)
  return {
    cluster: findTarget(cluster),
    ...(own === undefined ? {} : { own }),
    ...(role === undefined ? {} : { role }),
    ...(logs === undefined ? {} : { logs }),
  }
}

function findTarget(cluster: EmrCluster | undefined): string {
  if (typeof cluster === 'string') return cluster
  return cluster !== undefined && 'name' in cluster ? makeClusterTarget(cluster.name) : OWN_CLUSTER
}

/** Those that `aws emr create-default-roles` makes. */
const ROLES = { serviceRole: 'EMR_DefaultRole', instanceProfile: 'EMR_EC2_DefaultRole' }

const findOwn = (cluster: EmrCluster | undefined): OwnCluster | undefined =>
  typeof cluster === 'object' && 'transient' in cluster ? { ...ROLES, ...cluster.transient } : undefined

/** The clusters of steps, each with the roles of its steps. */
export function listClusters(steps: EmrDefinition[]): StepCluster[] {
  const listed = steps.map(({ cluster, role }) => ({
    role,
    own: findOwn(cluster),
    target: findTarget(cluster),
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
      passes: {
        services: [...new Set(all.flatMap(({ own }) => own?.serviceRole ?? []))],
        machines: [...new Set(all.flatMap(({ own }) => own?.instanceProfile ?? []))],
      },
      allowsNoRole: all.some(({ role }) => role === undefined),
    })),
  )
}

/** Where the lines of steps are: the log folders of clusters hold more than these. */
export function listStepLogs(steps: EmrDefinition[]): string[] {
  const folders = steps.flatMap(({ cluster, logs }) => {
    if (logs === undefined) return []
    return [`${logs.replace(/\/+$/, '')}/${typeof cluster === 'string' ? cluster : 'j-*'}/steps/`]
  })
  return [...new Set(folders)]
}
