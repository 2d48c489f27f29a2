import { randomUUID } from 'node:crypto'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { fileStorage } from '../adapters/files/file-storage.ts'
import { fileLogs } from '../adapters/logs/file-logs.ts'
import { processRunner } from '../adapters/process/process-runner.ts'
import type { ChildJob } from '../adapters/process/protocol.ts'
import { type FileSecrets, fileSecrets } from '../adapters/secrets/file-secrets.ts'
import { openDatabase } from '../adapters/sqlite/database.ts'
import { sqliteFeed } from '../adapters/sqlite/feed.ts'
import { sqlitePlans } from '../adapters/sqlite/plans.ts'
import { sqliteQueue } from '../adapters/sqlite/queue.ts'
import { sqliteStore } from '../adapters/sqlite/store.ts'
import { systemClock } from '../adapters/system/clock.ts'
import { isGone, workerId } from '../adapters/system/processes.ts'
import { keys, type Marker } from '../core/model.ts'
import type { PlannedTask } from '../core/plan.ts'
import type { Completeness, Job, Logs, Runner, Storage, Store } from '../core/ports.ts'
import { planningOf, type Surroundings } from '../define/planning.ts'
import { secretVariable } from '../define/secret.ts'
import type { Markers } from '../define/targets/marker.ts'
import { instantiate } from '../define/task.ts'
import type { Context } from '../engine/context.ts'
import { inlineRunner } from './inline-runner.ts'
import type { Project } from './load-config.ts'
import { prepareJob } from './prepare-job.ts'
import { makeStateFolder, rememberStorage, secretsPath } from './state-folder.ts'

/** Where the embedded engine lives and what it runs. */
export interface HomeOptions {
  stateFolder: string
  /** Absent for commands that only look at the state. */
  project?: Project
  /** Overrides the project's storage. */
  storageFolder?: string
  inline?: 'inline'
  /** How long a body may take to stop after it was asked to. @default 10 s */
  graceMs?: number
}

/** The embedded engine: SQLite, files and child processes under one folder. */
export interface Home {
  context: Context
  logs: Logs
  secrets: FileSecrets
  surroundings: Surroundings
  close(): Promise<void>
}

const LEASE_MS = 30_000
const HEARTBEAT_MS = 5_000
const GRACE_MS = 10_000
const AUDIT_MS = 60 * 60_000

/** Opens (or makes) the state and composes the ports. */
export function openHome(options: HomeOptions): Home {
  const folder = resolve(options.stateFolder)
  makeStateFolder(folder)
  const database = openDatabase(join(folder, 'state.db'))
  const storageFolder = resolve(options.storageFolder ?? options.project?.storage ?? 'data')
  if (options.project) rememberStorage(database, storageFolder, folder)

  const clock = systemClock(() => database.hasForeignChanges())
  const worker = workerId()
  const store = sqliteStore(database, () => clock.ring())
  const logs = fileLogs(join(folder, 'logs'))
  const secrets = fileSecrets(secretsPath(folder), secretVariable)
  const surroundings: Surroundings = { storage: fileStorage(storageFolder), markers: markersIn(store) }
  const prepare = (job: Job) => prepareJob(job, secrets, surroundings.markers)
  const runner = makeRunner(options, { folder, storageFolder, logs, prepare, surroundings })
  const context: Context = {
    ports: {
      store,
      plans: sqlitePlans(database),
      feed: sqliteFeed(database, worker, clock, isGone),
      queue: sqliteQueue(database, clock, () => clock.ring()),
      completeness: completenessOf(options.project, surroundings),
      runner,
      clock,
      chance: { nonce: randomUUID, random: Math.random },
      isGone,
    },
    settings: { worker, leaseMs: LEASE_MS, heartbeatMs: HEARTBEAT_MS, skewMs: 0, auditMs: AUDIT_MS },
  }
  return {
    context,
    logs,
    secrets,
    surroundings,
    async close() {
      await runner.close()
      database.close()
    },
  }
}

function markersIn(store: Store): Markers {
  return {
    async read(ids) {
      const records = await store.read(ids.map(keys.marker))
      return records.map((record) => record && { result: (record as unknown as Marker).result })
    },
  }
}

/** Without a project nothing can be looked at: such a home is only for looking at the state. */
function completenessOf(project: Project | undefined, surroundings: Surroundings): Completeness {
  return {
    areComplete: async (planned) => {
      const known = planned.flatMap((task) => instanceOf(project, task) ?? [])
      const answers = await planningOf(surroundings).areComplete(known)
      const complete = new Set(known.filter((_, index) => answers[index]).map((each) => each.id))
      return planned.map((task) => complete.has(task.id))
    },
  }
}

function instanceOf(project: Project | undefined, planned: PlannedTask) {
  const definition = project?.tasks.get(planned.family)
  return definition && instantiate(definition, planned.params)
}

interface RunnerParts {
  folder: string
  storageFolder: string
  logs: Logs
  prepare(job: Job): Promise<ChildJob>
  surroundings: { storage: Storage; markers: Markers }
}

function makeRunner({ inline, project, graceMs = GRACE_MS }: HomeOptions, parts: RunnerParts): Runner {
  const { logs, prepare, storageFolder, surroundings } = parts
  if (inline) return inlineRunner({ tasks: project?.tasks ?? new Map(), ...surroundings, logs, prepare })
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  const entry = fileURLToPath(new URL(`./child.${extension}`, import.meta.url))
  return processRunner({
    entry,
    args: [project?.path ?? '', storageFolder],
    logs,
    prepare,
    graceMs,
  })
}
