import { randomUUID } from 'node:crypto'
import { makeStandardOutputLogs } from '../../adapters/cloudwatch/logs.ts'
import { makeDynamoStore } from '../../adapters/dynamodb/store.ts'
import { makeFileStorage } from '../../adapters/files/file-storage.ts'
import { makeS3Plans } from '../../adapters/s3/plans.ts'
import { makeS3Storage } from '../../adapters/s3/storage.ts'
import { makeManagedSecrets } from '../../adapters/secrets-manager/secrets.ts'
import { makeSqsQueue } from '../../adapters/sqs/queue.ts'
import { makeSystemClock } from '../../adapters/system/clock.ts'
import type { Home } from '../../control/home.ts'
import { SluiceError } from '../../core/errors.ts'
import type { Limits } from '../../core/limits.ts'
import { OBJECTS, POOL_DEFAULTS } from '../../core/names.ts'
import type { Plan } from '../../core/plan.ts'
import type { Feed, Ports, Queue } from '../../core/ports/deciding.ts'
import type { Runner } from '../../core/ports/working.ts'
import { parseS3Prefix } from '../../core/s3-uri.ts'
import type { TaskDefinition } from '../../define/task.ts'
import type { Context, Settings } from '../../engine/context.ts'
import { makeCompleteness } from '../../planning/completeness.ts'
import { makeSurroundings } from '../../planning/surroundings.ts'
import type { Project } from '../../project/load-config.ts'
import type { Build } from './build.ts'
import { makeAwsClients } from './clients.ts'
import { findPoolSetting, type Settings as Told } from './environment.ts'
import { toDeployedLimits } from './limits.ts'

/** What a part of a deployment is told by the stack. */
type Deployment = Told<'environment' | 'table' | 'bucket' | 'code' | 'queues' | 'storage' | 'secrets'>

/** What differs between the parts. */
export interface HomeParts {
  build: Build
  /** Who claims: names where the log lines of its attempts are. */
  worker: string
  /** Absent for parts that decide without user code. */
  project?: Project
  limits: Limits
  /** How long a request for messages waits. @default 0 */
  waitSeconds?: number
  /** Only for parts that run bodies. */
  runner?: (home: Omit<Home, 'context' | 'close'>) => Runner
  /** Memory of the place where bodies run. */
  memoryMb?: number
  isGone?: (worker: string) => Promise<boolean>
  deathOf?: Ports['deathOf']
  /** Changes how messages are taken or sent. */
  queue?: (queue: Queue) => Queue
}

/** Clocks of AWS hosts are synchronised; this is for the rest. */
const SKEW_MS = 2_000
const AUDIT_MS = 60 * 60_000

const NO_FEED: Feed = { take: async () => [], acknowledge: async () => {} }
const NO_RUNNER: Runner = {
  run: async () => ({ outcome: 'not_started' }),
  beat() {},
  async close() {},
}

/** The engine on AWS: DynamoDB, S3, SQS and Secrets Manager. */
export function openDeployedHome(told: Deployment, parts: HomeParts): Home {
  const { build, waitSeconds = 0, project, limits, worker } = parts
  const { dynamodb, s3, sqs, secretsManager } = makeAwsClients(build)
  const messages = makeSqsQueue(sqs, { urls: urlsOf(told.queues, Object.keys(limits.pools)), waitSeconds })
  const { store, plans, queue } = build.wrapPorts({
    store: makeDynamoStore(dynamodb, told.table),
    plans: makeS3Plans(s3, told.bucket, OBJECTS.plans),
    queue: parts.queue?.(messages) ?? messages,
  })
  const surroundings = makeSurroundings(store, makeS3Storage(s3, parseS3Prefix(told.storage)))
  const tasks = project?.tasks ?? new Map<string, TaskDefinition>()
  const completeness = makeCompleteness(tasks, surroundings, makeFileStorage('/'))
  const looks = {
    logs: makeStandardOutputLogs(),
    secrets: makeManagedSecrets(secretsManager, told.secrets, told.environment),
    surroundings,
    definitions: { tasks, limits, surroundings, storageFolder: told.storage, completeness, store },
    requireRunnable: refuseContainers,
  }
  const runner = parts.runner?.(looks) ?? NO_RUNNER
  const context: Context = {
    ports: {
      store,
      plans,
      feed: NO_FEED,
      queue,
      completeness,
      runner,
      clock: makeSystemClock(),
      random: { nonce: randomUUID, number: Math.random },
      isGone: parts.isGone ?? (async () => false),
      ...(parts.deathOf && { deathOf: parts.deathOf }),
    },
    settings: { ...settingsOf(told.code, parts), worker },
  }
  return { ...looks, context, close: () => runner.close() }
}

/** Nothing on AWS starts a container of the user's: without this its command would run without its image. */
async function refuseContainers({ tasks }: Plan): Promise<void> {
  const wrong = tasks.find(({ container, complete }) => container !== undefined && !complete)
  if (wrong === undefined) return
  throw new SluiceError(
    'invalid_plan',
    `Nothing was started: ${wrong.label} runs in an image, which a deployment cannot do in this version.`,
    {
      hint: 'Run it on one machine, without --env.',
    },
  )
}

const urlsOf = (queues: Deployment['queues'], pools: string[]): { [pool: string]: string } =>
  Object.fromEntries(pools.map((pool) => [pool, findPoolSetting(queues, pool) ?? '']))

function settingsOf(
  code: string,
  { build, limits, memoryMb = POOL_DEFAULTS.lambdaMemoryMb }: HomeParts,
): Omit<Settings, 'worker'> {
  return {
    code,
    leaseMs: build.leaseMs,
    heartbeatMs: build.heartbeatMs,
    skewMs: SKEW_MS,
    auditMs: AUDIT_MS,
    limits: toDeployedLimits(limits),
    defaultMemoryMb: memoryMb,
    largestMemoryMb: memoryMb,
  }
}
