import { randomUUID } from 'node:crypto'
import { totalmem } from 'node:os'
import { join, resolve } from 'node:path'
import { getHeapStatistics } from 'node:v8'
import { removeAbandonedFiles } from '../../adapters/files/abandoned.ts'
import { makeFileStorage } from '../../adapters/files/file-storage.ts'
import { makeFileLogs } from '../../adapters/logs/file-logs.ts'
import { makeFileSecrets } from '../../adapters/secrets/file-secrets.ts'
import { openDatabase } from '../../adapters/sqlite/database.ts'
import { makeSqliteFeed } from '../../adapters/sqlite/feed.ts'
import { makeSqlitePlans } from '../../adapters/sqlite/plans.ts'
import { makeSqliteQueue } from '../../adapters/sqlite/queue.ts'
import { shrinkDatabase } from '../../adapters/sqlite/shrink.ts'
import { freezeIfSimulated } from '../../adapters/sqlite/simulated-state.ts'
import {
  makeSecretsPath,
  makeStateFolder,
  readStateStorage,
  requireSameStorage,
} from '../../adapters/sqlite/state-folder.ts'
import { makeStateTime } from '../../adapters/sqlite/state-time.ts'
import { makeSqliteStore } from '../../adapters/sqlite/store.ts'
import { makeSystemClock } from '../../adapters/system/clock.ts'
import { machineTime } from '../../adapters/system/monotonic.ts'
import { makeFilePresence } from '../../adapters/system/presence.ts'
import { isProcessGone, makeWorkerId } from '../../adapters/system/processes.ts'
import type { Home } from '../../control/home.ts'
import { SluiceError } from '../../core/errors.ts'
import { LOG_MAX_MB, NO_LIMITS } from '../../core/limits.ts'
import type { Plan } from '../../core/plan.ts'
import type { Runner } from '../../core/ports/working.ts'
import { makeSecretVariableName } from '../../define/secret.ts'
import type { TaskDefinition } from '../../define/task.ts'
import type { Context } from '../../engine/context.ts'
import { makeCompleteness } from '../../planning/completeness.ts'
import type { StartInImage } from '../../planning/luigi/ask-python.ts'
import { makeSurroundings } from '../../planning/surroundings.ts'
import type { Project } from '../../project/load-config.ts'
import { makeLazyRunner } from './lazy-runner.ts'

/** Where the embedded engine lives and what it runs. */
export interface HomeOptions {
  stateFolder: string
  /** Absent for commands that only look at the state. */
  project?: Project
  /** Overrides the project's storage. */
  storageFolder?: string
  /** Runs bodies in this process: no isolation, quick to start. */
  inline?: true
  /** Leaves containers that failed for `sluice shell`. @default they are removed */
  keep?: true
  /** Pulls or builds each image once more at its first use. @default only what is missing */
  pull?: true
  /** How long a body may take to stop after it was asked to. @default 10 s */
  graceMs?: number
}

const LEASE_MS = 30_000
const HEARTBEAT_MS = 5_000
const AUDIT_MS = 60 * 60_000
const MB = 1024 * 1024

/** Most commands start no container: what does is loaded with the first. */
const startInImage: StartInImage = async (program) => {
  const { makeImageCommand } = await import('../../runners/container/image-command.ts')
  return makeImageCommand(program)
}

/** The embedded engine: SQLite, files and child processes under one folder. Opens (or makes) the state. */
export function openLocalHome(options: HomeOptions): Home {
  const folder = resolve(options.stateFolder)
  makeStateFolder(folder)
  const path = join(folder, 'state.db')
  const database = openDatabase(path, { onWait: (seconds) => console.error(waitLine(path, seconds)) })
  const known = options.project ? undefined : readStateStorage(database)
  const storageFolder = resolve(options.storageFolder ?? options.project?.storage ?? known ?? 'data')
  const simulatedUntil = freezeIfSimulated(database)
  const isReal = simulatedUntil === undefined
  if (options.project && isReal) requireSameStorage(database, storageFolder, folder)

  const clock = makeSystemClock({
    version: () => database.foreignVersion(),
    time: isReal ? makeStateTime(database, machineTime) : makeStoppedTime(simulatedUntil),
  })
  const worker = makeWorkerId()
  const feed = makeSqliteFeed(database, worker, clock, isProcessGone)
  const store = makeSqliteStore(database, feed, () => clock.wake('events'))
  const queue = makeSqliteQueue(database, worker, clock, () => clock.wake('messages'))
  const logs = makeFileLogs(join(folder, 'logs'), {
    // Read anew for each attempt, because `sluice dev` reads a changed config.
    maxBytes: () => (options.project?.limits.maxLogMb ?? LOG_MAX_MB) * MB,
  })
  const secrets = makeFileSecrets(makeSecretsPath(folder), makeSecretVariableName)
  // Children flush what they write; a body in this process would hold up all others meanwhile.
  const storage = makeFileStorage(storageFolder, { flush: options.inline === undefined })
  const surroundings = makeSurroundings(store, storage)
  const tasks = options.project?.tasks ?? new Map<string, TaskDefinition>()
  const limits = options.project?.limits ?? NO_LIMITS
  const completeness = makeCompleteness(tasks, surroundings, makeFileStorage('/'), startInImage)
  const definitions = { tasks, limits, surroundings, storageFolder, completeness, store, startInImage }
  const runner: Runner = {
    ...makeLazyRunner(async () => {
      const { makeLocalRunner } = await import('./runner.ts')
      return makeLocalRunner(options, { logs, secrets, definitions })
    }),
    // A home without a project only looks at the state.
    ...(options.project && { defines: makeDefinitionCheck(options.project) }),
  }
  const context: Context = {
    ports: {
      store,
      plans: makeSqlitePlans(database),
      feed,
      queue,
      completeness,
      runner,
      clock,
      random: { nonce: randomUUID, number: Math.random },
      isGone: isProcessGone,
    },
    speculative: { store: store.speculative, queue: queue.speculative },
    settings: {
      worker,
      leaseMs: LEASE_MS,
      heartbeatMs: HEARTBEAT_MS,
      skewMs: 0,
      auditMs: AUDIT_MS,
      limits,
      defaultMemoryMb: Math.floor(getHeapStatistics().heap_size_limit / MB),
      largestMemoryMb: Math.floor(totalmem() / MB),
    },
  }
  return {
    context,
    logs,
    secrets,
    surroundings,
    definitions,
    ...(!isReal && { simulatedUntil }),
    presence: makeFilePresence(join(folder, 'workers')),
    requireRunnable: async (plan) => {
      requireLocalPrograms(plan, tasks)
      await requireContainerEngine(plan)
    },
    shrink: () => shrinkDatabase(database, feed.isFollowedElsewhere),
    removeAbandoned: (abandoned) => removeAbandonedFiles(storageFolder, abandoned),
    async removeKept(isForgotten) {
      const { removeKeptContainers } = await import('../../runners/container/container-runner.ts')
      return removeKeptContainers(folder, isForgotten)
    },
    async close() {
      await runner.close()
      clock.close()
      database.close()
    },
  }
}

/** The engine that runs containers on this machine, `docker` or `podman`; throws what to install if none answers. */
export async function nameContainerEngine(): Promise<string> {
  const { findContainerEngine } = await import('../../runners/container/container-engine.ts')
  return (await findContainerEngine()).command
}

/** Without an engine every attempt of a container would only fail. */
async function requireContainerEngine({ tasks }: Plan): Promise<void> {
  const toRun = tasks.filter(({ container, complete, failure }) => container && !complete && !failure)
  if (toRun.length > 0) await nameContainerEngine()
}

/** A job of a service runs here by its `local` alone. */
function requireLocalPrograms({ tasks }: Plan, definitions: ReadonlyMap<string, TaskDefinition>): void {
  const without = tasks.filter(
    ({ family, command, container, complete, failure, join }) =>
      !(command || container || complete || failure || join) && definitions.get(family)?.emr !== undefined,
  )
  if (without.length === 0) return
  const families = [...new Set(without.map(({ family }) => family))]
  throw new SluiceError(
    'invalid_usage',
    `Jobs of EMR without \`local\` do not run on one machine: ${families.join(', ')}. Nothing was started.`,
    { hint: 'Give each a `local`: the command or container that runs the same program here.' },
  )
}

const waitLine = (path: string, seconds: number) =>
  `waiting    another program has had the state ${path} locked for ${seconds} s (a sluice that was stopped? a database browser?); this one goes on when it lets go`

/** What was simulated is seen as it was at its last instant. */
const makeStoppedTime = (at: number) => ({ now: () => at, steady: () => at })

/** Asked anew each time: definitions are read again while `sluice dev` runs. */
const makeDefinitionCheck =
  (project: Project): Runner['defines'] & {} =>
  ({ family, command, join }) =>
    command !== undefined || join === true || (project.unread === undefined && project.tasks.has(family))
