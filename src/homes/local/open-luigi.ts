import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { openSchedulerStore } from '../../adapters/sqlite/scheduler-store.ts'
import { makeStateFolder } from '../../adapters/sqlite/state-folder.ts'
import { readErrorMessage, SluiceError } from '../../core/errors.ts'
import { LuigiScheduler } from '../../luigi/luigi-scheduler.ts'
import { readLuigiConfig } from '../../luigi/read-config.ts'
import { LUIGI_DEFAULTS } from '../../luigi/scheduler/config.ts'
import { type SchedulerLook, SchedulerReader } from '../../luigi/scheduler-reader.ts'

/** Where a Luigi scheduler keeps its state, and what it obeys. */
export interface LuigiOptions {
  stateFolder: string
  /** A config of Luigi. @default what LUIGI_CONFIG_PATH names, or luigi.cfg of the working folder, if it is there */
  configFile?: string
}

/** Opens (or makes) the Luigi scheduler of a state folder: the file `luigid.db`. */
export function openLuigiScheduler({ stateFolder, configFile }: LuigiOptions): LuigiScheduler {
  const folder = resolve(stateFolder)
  makeStateFolder(folder)
  const store = openStore(folder)
  const scheduler = new LuigiScheduler({ store, ...readSettings(configFile), makeUuid: randomUUID })
  scheduler.forgiveAbsence(Date.now() / 1_000)
  return scheduler
}

const FILE = 'luigid.db'

function openStore(folder: string) {
  const path = join(folder, FILE)
  return openSchedulerStore(path, {
    onWait: (seconds) =>
      console.error(`Waiting for ${path} for ${seconds} s: another program has it locked.`),
  })
}

/** Looks at the Luigi scheduler of a state folder, whichever process it works in. */
export interface SchedulerFinder {
  /** Undefined if none has worked on this state. */
  find(): SchedulerLook | undefined
  close(): void
}

/** Finds the scheduler of a state folder; its state is opened when it is first asked for, and never written. */
export function makeSchedulerFinder(stateFolder: string): SchedulerFinder {
  let reader: SchedulerReader | undefined
  return {
    find() {
      if (reader === undefined && existsSync(join(stateFolder, FILE)))
        reader = new SchedulerReader(openStore(resolve(stateFolder)), LUIGI_DEFAULTS, () => performance.now())
      return reader
    },
    close: () => reader?.close(),
  }
}

function readSettings(wanted: string | undefined) {
  const path = wanted ?? process.env.LUIGI_CONFIG_PATH ?? 'luigi.cfg'
  if (wanted === undefined && !existsSync(path)) return readLuigiConfig('', path)
  try {
    return readLuigiConfig(readFileSync(path, 'utf8'), path)
  } catch (cause) {
    if (cause instanceof SluiceError) throw cause
    throw new SluiceError(
      'invalid_usage',
      `The config of Luigi ${path} cannot be read: ${readErrorMessage(cause)}.`,
      {
        cause,
        hint: 'Name a file with the sections [scheduler] and [resources]: --luigi-config FILE.',
      },
    )
  }
}

const FIND_LUIGI =
  "import importlib.util as u; s = u.find_spec('luigi'); print(s.submodule_search_locations[0] if s else '')"

/** The folder of Luigi's web page, if this Python has the package luigi; nothing of Luigi is run. */
export async function findLuigiPage(python: string): Promise<string | undefined> {
  try {
    const { stdout } = await promisify(execFile)(python, ['-c', FIND_LUIGI], { timeout: 10_000 })
    const folder = join(stdout.trim(), 'static')
    return stdout.trim() !== '' && existsSync(folder) ? folder : undefined
  } catch {
    return undefined
  }
}
