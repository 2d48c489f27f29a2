import { Stack } from 'aws-cdk-lib'
import type { Construct } from 'constructs'
import { TASKS_MACHINE } from '../src/handlers/start-run.ts'
import { arnOf } from './constructs/machines.ts'
import type { Queues } from './constructs/queues.ts'
import type { Records } from './constructs/records.ts'
import type { DeployedPool, DeployedProject } from './project.ts'

/** What all parts of a deployment are made over. */
export interface Foundation {
  project: DeployedProject
  records: Records
  queues: Queues
  /** `s3://bucket/prefix` of the targets. */
  storage: string
  /** Names of machines, families and schedules begin so. */
  prefix: string
  /** Names of secrets begin so. */
  secretsPrefix: string
}

const DEFAULT_RETENTION_DAYS = 30
const DEFAULT_LAMBDA_MB = 1024
const DEFAULT_CONTAINER_MB = 2048

/** Lays the foundation of a stack. */
export function foundationOf(
  scope: Construct,
  project: DeployedProject,
  { records, queues }: Pick<Foundation, 'records' | 'queues'>,
): Foundation {
  const { stackName } = Stack.of(scope)
  const storage = project.environment.storage ?? `s3://${records.bucket.bucketName}/targets`
  return { project, records, queues, storage, prefix: `${stackName}-`, secretsPrefix: `${stackName}/` }
}

/** For how long log groups keep lines. */
export const retentionOf = ({ environment }: DeployedProject): number =>
  environment.logRetentionDays ?? DEFAULT_RETENTION_DAYS

/** Names of the pools that run there. */
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
  memoryMb ?? (runsOn === 'fargate' ? DEFAULT_CONTAINER_MB : DEFAULT_LAMBDA_MB)

/** Every state machine, by ARN: functions and machines name each other. */
export const machineArns = (scope: Construct, { project, prefix }: Foundation): string[] =>
  [...project.pipelines.map(({ name }) => name), TASKS_MACHINE].map((name) =>
    arnOf(scope, `${prefix}${name}`),
  )
