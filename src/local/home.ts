import { randomUUID } from 'node:crypto'
import { accessSync, constants, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
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
import { messageOf, SluiceError } from '../core/errors.ts'
import { type Json, keys, type Marker } from '../core/model.ts'
import type { PlannedTask } from '../core/plan.ts'
import type { Completeness, Job, Logs, Runner, Storage, Store } from '../core/ports.ts'
import { planningOf, type Surroundings } from '../define/planning.ts'
import { secretVariable } from '../define/secret.ts'
import type { Markers } from '../define/targets/marker.ts'
import { instantiate } from '../define/task.ts'
import type { Context } from '../engine/context.ts'
import { inlineRunner } from './inline-runner.ts'
import type { Project } from './load-config.ts'

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
  storageFolder: string
  close(): Promise<void>
}

const LEASE_MS = 30_000
const HEARTBEAT_MS = 5_000
const GRACE_MS = 10_000

/** Opens (or makes) the state and composes the ports. */
export function openHome(options: HomeOptions): Home {
  const folder = resolve(options.stateFolder)
  makeStateFolder(folder)
  const database = openDatabase(join(folder, 'state.db'))
  const storageFolder = resolve(options.storageFolder ?? options.project?.storage ?? 'data')
  if (options.project) rememberStorage(database.sql, storageFolder, folder)

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
    settings: { worker, leaseMs: LEASE_MS, heartbeatMs: HEARTBEAT_MS, skewMs: 0 },
  }
  return {
    context,
    logs,
    secrets,
    surroundings,
    storageFolder,
    async close() {
      await runner.close()
      database.close()
    },
  }
}

/** The secrets of a state folder. */
export const secretsPath = (stateFolder: string) => join(resolve(stateFolder), 'secrets.json')

function makeStateFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true })
    const ignore = join(folder, '.gitignore')
    // State, logs and secrets are never to be committed.
    if (!existsSync(ignore)) writeFileSync(ignore, '*\n')
  } catch (error) {
    const isFull = (error as NodeJS.ErrnoException).code === 'ENOSPC'
    throw new SluiceError(
      isFull ? 'disk_full' : 'state_unusable',
      `The state folder ${folder} cannot be written: ${isReadOnly(folder) ? 'its file system is read-only' : messageOf(error)}.`,
      { cause: error, hint: 'Make room or use a writable folder: --state FOLDER.' },
    )
  }
}

/** Node tells of a read-only file system as if a folder were missing. */
function isReadOnly(folder: string): boolean {
  try {
    accessSync(existsSync(folder) || folder === dirname(folder) ? folder : dirname(folder), constants.W_OK)
    return false
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return code === 'EROFS' || (code === 'ENOENT' && isReadOnly(dirname(folder)))
  }
}

type Sql = ReturnType<typeof openDatabase>['sql']

function rememberStorage(sql: Sql, storage: string, state: string): void {
  const row = sql.prepare("SELECT value FROM setting WHERE name = 'storage'").get()
  if (row === undefined)
    sql.prepare("INSERT OR IGNORE INTO setting (name, value) VALUES ('storage', ?)").run(storage)
  else if (row.value !== storage)
    throw new SluiceError(
      'wrong_storage',
      `The state ${state} belongs to the storage ${String(row.value)}, not to ${storage}.`,
      { hint: `Use --data ${String(row.value)}, or another state with --state.` },
    )
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
      const instances = planned.map((task) => instanceOf(project, task))
      const known = instances.filter((each) => each !== undefined)
      const answers = await planningOf(surroundings).areComplete(known)
      return instances.map((each) => each !== undefined && answers[known.indexOf(each)] === true)
    },
  }
}

function instanceOf(project: Project | undefined, planned: PlannedTask) {
  const definition = project?.tasks.get(planned.family)
  return definition && instantiate(definition, planned.params)
}

async function prepareJob(job: Job, secrets: FileSecrets, markers: Markers): Promise<ChildJob> {
  const { run, task, attempt, nonce, upstreams } = job
  const without = upstreams.filter((upstream) => upstream.outputs.length === 0)
  const found = await markers.read(without.map((upstream) => upstream.id))
  const results = without.map((each, index): [string, Json] => [each.id, found[index]?.result ?? null])
  return {
    run,
    family: task.family,
    params: task.params,
    attempt,
    writer: nonce,
    ...(task.requires === undefined ? {} : { requires: task.requires }),
    upstreams: upstreams.map(({ number, family, params }) => ({ number, family, params })),
    markers: Object.fromEntries(results),
    secrets: await readSecrets(task.policy.secrets, secrets),
  }
}

async function readSecrets(
  names: { [name: string]: string },
  secrets: FileSecrets,
): Promise<Record<string, string>> {
  const values: Record<string, string> = {}
  for (const [name, secret] of Object.entries(names)) {
    const value = await secrets.get(secret)
    if (value === undefined)
      throw new SluiceError(
        'unknown_secret',
        `there is no secret ${secret}; set it with: sluice secrets set ${secret} (or the environment variable ${secretVariable(secret)})`,
      )
    values[name] = value
  }
  return values
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
