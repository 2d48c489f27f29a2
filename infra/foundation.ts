import { POOL_DEFAULTS, TASKS_MACHINE } from '../src/core/names.ts'
import type { Queues } from './constructs/queues.ts'
import type { Records } from './constructs/records.ts'
import type { Layout } from './layout.ts'
import type { DeployedPool, DeployedProject } from './project.ts'

/** Resources and names that all parts of a deployment share. */
export interface Foundation {
  project: DeployedProject
  layout: Layout
  records: Records
  queues: Queues
  /** `s3://bucket/prefix` of the targets. */
  storage: string
  /** Prefix of the names of secrets. */
  secretsPrefix: string
}

const DEFAULT_RETENTION_DAYS = 30

/** Lays the foundation of a stack. */
export function foundationOf(
  project: DeployedProject,
  { layout, records, queues }: Pick<Foundation, 'layout' | 'records' | 'queues'>,
): Foundation {
  const { stackName } = layout
  const storage = project.environment.storage ?? `s3://${records.bucket.bucketName}/targets`
  return { project, layout, records, queues, storage, secretsPrefix: `${stackName}/` }
}

/** How long log groups keep lines. */
export const retentionOf = ({ environment }: DeployedProject): number =>
  environment.logRetentionDays ?? DEFAULT_RETENTION_DAYS

/** Names of the pools that run on a platform. */
export const poolsOn = ({ pools }: DeployedProject, place: 'lambda' | 'fargate'): string[] =>
  Object.keys(pools).filter((name) => (pools[name]?.runsOn ?? 'lambda') === place)

/** A pool by its name. */
export function poolOf({ pools }: DeployedProject, name: string): DeployedPool {
  const pool = pools[name]
  if (pool === undefined) throw new Error(`there is no pool ${name}`)
  return pool
}

/** Memory of a pool's function or container. */
export const memoryOf = ({ memoryMb, runsOn }: DeployedPool): number =>
  memoryMb ?? (runsOn === 'fargate' ? POOL_DEFAULTS.containerMemoryMb : POOL_DEFAULTS.lambdaMemoryMb)

/**
 * Names of the state machines of the deployment: each by name, because `data-*` would name those of a stack `data-eu` too. In
 * the larger layout they are one name with a wildcard, because there may be thousands.
 */
export const machineNames = ({ layout: { isSpread, prefix }, project }: Foundation): string[] =>
  isSpread
    ? [`${prefix}*`]
    : [...project.pipelines.map(({ name }) => `${prefix}${name}`), `${prefix}${TASKS_MACHINE}`]
