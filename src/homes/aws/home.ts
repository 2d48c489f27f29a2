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
import { isLuigiFamily } from '../../core/identity.ts'
import type { Limits } from '../../core/limits.ts'
import { makeProgramsQueueName, OBJECTS, POOL_DEFAULTS } from '../../core/names.ts'
import type { Plan } from '../../core/plan.ts'
import type { Feed, Ports, Queue } from '../../core/ports/deciding.ts'
import type { Runner } from '../../core/ports/working.ts'
import { parseS3Prefix } from '../../core/s3-uri.ts'
import type { TaskDefinition } from '../../define/task.ts'
import type { Context, Launching, Settings } from '../../engine/context.ts'
import type { HandOnOptions } from '../../engine/hand-on.ts'
import { makeCompleteness } from '../../planning/completeness.ts'
import { makeSurroundings } from '../../planning/surroundings.ts'
import { type BundledPrograms, type BundledSettings, findBundledProgram } from '../../project/bundled.ts'
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
  /** Its families that are containers or jobs, for parts that send messages, plan, or end attempts. */
  programs: BundledPrograms
  /** Only for keepers, which read what tasks of Luigi yield. */
  luigiFamilies?: BundledSettings['luigiFamilies']
  /** How long a request for messages waits. @default 0 */
  waitSeconds?: number
  /** Only for parts that run bodies. */
  runner?: (home: Omit<Home, 'context' | 'close'>) => Runner
  /** Memory of the place where bodies run. */
  memoryMb?: number
  /** The most that an attempt gets after it ran out of memory. @default `memoryMb` */
  largestMemoryMb?: number
  /** Only for parts that launch jobs elsewhere, or look at them. */
  launching?: Launching
  onLaunchTrouble?: () => void
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
  extendLease() {},
  async close() {},
}

/** The engine on AWS: DynamoDB, S3, SQS and Secrets Manager. */
export function openDeployedHome(told: Deployment, parts: HomeParts): Home {
  const { build, waitSeconds = 0, project, limits, programs, worker } = parts
  const { dynamodb, s3, sqs, secretsManager } = makeAwsClients(build)
  const messages = separatePrograms(
    makeSqsQueue(sqs, { urls: listQueueUrls(told.queues, Object.keys(limits.pools)), waitSeconds }),
    programs,
  )
  const { store, plans, queue } = build.wrapPorts({
    store: makeDynamoStore(dynamodb, told.table),
    plans: makeS3Plans(s3, told.bucket, OBJECTS.plans),
    queue: parts.queue?.(messages) ?? messages,
  })
  const storage = makeS3Storage(s3, parseS3Prefix(told.storage))
  const surroundings = { ...makeSurroundings(store, storage), runsJobs: true as const }
  const tasks = project?.tasks ?? new Map<string, TaskDefinition>()
  const completeness = makeCompleteness(tasks, surroundings, makeFileStorage('/'))
  const looks = {
    logs: makeStandardOutputLogs(),
    secrets: makeManagedSecrets(secretsManager, told.secrets, told.environment),
    surroundings,
    definitions: {
      tasks,
      limits,
      surroundings,
      storageFolder: told.storage,
      completeness,
      store,
      ...(parts.luigiFamilies && { luigiFamilies: parts.luigiFamilies }),
    },
    requireRunnable: async (plan: Plan) => refuseUnknownPrograms(plan, programs),
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
    ...(parts.launching && { launching: parts.launching }),
    ...(parts.onLaunchTrouble && { onLaunchTrouble: parts.onLaunchTrouble }),
  }
  return { ...looks, context, close: () => runner.close() }
}

/** Nothing on AWS starts an image or a job that the deployment does not know: what they need is made by `deploy` alone. */
function refuseUnknownPrograms({ tasks }: Plan, programs: BundledPrograms): void {
  const wrong = tasks.find(
    (task) =>
      task.container !== undefined && !task.complete && findBundledProgram(programs, task) === undefined,
  )
  if (wrong === undefined) return
  throw new SluiceError(
    'invalid_plan',
    `Nothing was started: ${wrong.label} runs in an image that is not part of the deployment.`,
    {
      hint: 'Define it with container(…) and deploy it, or run the plan on one machine, without --env.',
    },
  )
}

/** Containers of the user's have a queue of their own beside that of their pool, because nothing that takes from there can run them. */
const separatePrograms = (queue: Queue, programs: BundledPrograms): Queue => ({
  ...queue,
  send: (messages) =>
    queue.send(
      messages.map((each) =>
        each.family !== undefined && (isLuigiFamily(each.family) || programs[each.family] !== undefined)
          ? { ...each, pool: makeProgramsQueueName(each.pool) }
          : each,
      ),
    ),
})

/** How a worker of a pool hands on: it runs what would come from the queue of its pool. */
export const makeHandOn = ({ handOnMs }: Build, pool: string): HandOnOptions => ({
  forMs: handOnMs,
  mayRun: ({ container, job, family }, task) =>
    task.pool === pool && container === undefined && job === undefined && !isLuigiFamily(family),
})

const listQueueUrls = (queues: Deployment['queues'], pools: string[]): { [pool: string]: string } =>
  Object.fromEntries(
    pools
      .flatMap((name) => [name, makeProgramsQueueName(name)])
      .map((name) => [name, findPoolSetting(queues, name) ?? '']),
  )

function settingsOf(
  code: string,
  { build, limits, programs, memoryMb = POOL_DEFAULTS.lambdaMemoryMb, largestMemoryMb = memoryMb }: HomeParts,
): Omit<Settings, 'worker'> {
  return {
    code,
    leaseMs: build.leaseMs,
    heartbeatMs: build.heartbeatMs,
    skewMs: SKEW_MS,
    auditMs: AUDIT_MS,
    limits: toDeployedLimits(limits, programs),
    defaultMemoryMb: memoryMb,
    largestMemoryMb,
  }
}
