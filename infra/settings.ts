import { Stack } from 'aws-cdk-lib'
import type { Construct } from 'constructs'
import { type Part, SETTINGS_OF, type Setting, variableOf } from '../src/handlers/environment.ts'
import { Containers } from './constructs/containers.ts'
import { arnOf } from './constructs/machines.ts'
import { type Foundation, memoryOf, poolOf, poolsOn } from './foundation.ts'

/** What only some settings are made from. */
export interface SettingParts {
  pool?: string
  containers?: Containers | undefined
  /** Name of the function that launches containers. */
  launcher?: string
  /** Names of log groups, by pool. */
  logGroups?: { [pool: string]: string }
}

const DEFAULT_CONTAINERS = 10
const IDLE_SECONDS = 60

/** The variables of one part: the settings that it reads, and nothing else. */
export function variablesOf(
  scope: Construct,
  foundation: Foundation,
  part: Part,
  parts: SettingParts = {},
): { [name: string]: string } {
  const values = valuesOf(scope, foundation, parts)
  return Object.fromEntries(SETTINGS_OF[part].map((setting) => [variableOf(setting), values[setting]()]))
}

/** How each setting is made; only those that a part reads are. */
function valuesOf(
  scope: Construct,
  foundation: Foundation,
  { pool: name = '', containers, launcher = '', logGroups = {} }: SettingParts,
): { [S in Setting]: () => string } {
  const { project, records, queues, storage, prefix, secretsPrefix } = foundation
  const json = (value: unknown) => Stack.of(scope).toJsonString(value)
  const pool = () => poolOf(project, name)
  const urls = [...queues.pools].map(([each, { queue }]) => [each, queue.queueUrl])
  return {
    environment: () => project.name,
    table: () => records.table.tableName,
    bucket: () => records.bucket.bucketName,
    storage: () => storage,
    secrets: () => secretsPrefix,
    code: () => project.code,
    machines: () => arnOf(scope, prefix),
    queues: () => json(Object.fromEntries(urls)),
    repairQueue: () => queues.repair.queue.queueUrl,
    launcher: () => launcher,
    workers: () => json(workersOf(foundation, containers)),
    logGroups: () => json(logGroups),
    pool: () => name,
    memoryMb: () => String(memoryOf(pool())),
    idleSeconds: () => String(pool().idleSeconds ?? IDLE_SECONDS),
    tasksPerWorker: () => String(pool().tasksPerWorker ?? 0),
  }
}

/** What containers are launched with. */
function workersOf({ project, prefix }: Foundation, containers: Containers | undefined) {
  const pools = poolsOn(project, 'fargate').map((name) => {
    const { concurrency = DEFAULT_CONTAINERS, spot = true } = poolOf(project, name)
    return [name, { family: Containers.family(prefix, name), most: concurrency, spot }]
  })
  return {
    cluster: containers?.cluster.clusterArn ?? '',
    subnets: containers?.subnets ?? [],
    securityGroups: containers === undefined ? [] : [containers.securityGroup.securityGroupId],
    publicIp: containers?.isPublic ?? false,
    pools: Object.fromEntries(pools),
  }
}
