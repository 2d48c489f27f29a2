import { Stack } from 'aws-cdk-lib'
import type { Construct } from 'constructs'
import { POOL_DEFAULTS } from '../src/core/names.ts'
import { type Part, SETTINGS_OF, type Setting, variableOf } from '../src/homes/aws/environment.ts'
import { machineArn } from './constructs/arns.ts'
import type { Containers } from './constructs/containers.ts'
import { type Foundation, memoryOf, poolOf } from './foundation.ts'

/** Values that only some settings need. */
export interface SettingParts {
  pool?: string
  containers?: Containers | undefined
  /** Name of the function that launches containers. */
  launcher?: string
  /** Names of log groups, by pool. */
  logGroups?: { [pool: string]: string }
}

/** The environment variables of one part: exactly the settings that it reads. */
export function variablesOf(
  scope: Construct,
  foundation: Foundation,
  part: Part,
  parts: SettingParts = {},
): { [name: string]: string } {
  const values = valuesOf(scope, foundation, parts)
  return Object.fromEntries(SETTINGS_OF[part].map((setting) => [variableOf(setting), values[setting]()]))
}

/** Makes each setting; only the settings that a part reads are made. */
function valuesOf(
  scope: Construct,
  foundation: Foundation,
  { pool: name = '', containers, launcher = '', logGroups = {} }: SettingParts,
): { [S in Setting]: () => string } {
  const { project, layout, records, queues, storage, secretsPrefix } = foundation
  const json = (value: unknown) => Stack.of(scope).toJsonString(value)
  const pool = () => poolOf(project, name)
  return {
    environment: () => project.name,
    table: () => records.table.tableName,
    bucket: () => records.bucket.bucketName,
    storage: () => storage,
    secrets: () => secretsPrefix,
    code: () => project.code,
    machines: () => machineArn(scope, layout.prefix),
    queues: () => json(queues.urls),
    repairQueue: () => queues.repair.queue.queueUrl,
    launcher: () => launcher,
    workers: () => json(workersOf(foundation, containers)),
    logGroups: () => json(logGroups),
    pool: () => name,
    memoryMb: () => String(memoryOf(pool())),
    idleSeconds: () => String(pool().idleSeconds ?? POOL_DEFAULTS.idleSeconds),
    tasksPerWorker: () => String(pool().tasksPerWorker ?? 0),
  }
}

/** Cluster and network for launching containers. */
function workersOf({ layout }: Foundation, containers: Containers | undefined) {
  return {
    families: layout.prefix,
    cluster: containers?.cluster.clusterArn ?? '',
    subnets: containers?.subnets ?? [],
    securityGroups: containers === undefined ? [] : [containers.securityGroup.securityGroupId],
    publicIp: containers?.isPublic ?? false,
  }
}
