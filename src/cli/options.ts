import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { InvalidArgumentError } from 'commander'
import { fileSecrets } from '../adapters/secrets/file-secrets.ts'
import { SluiceError } from '../core/errors.ts'
import { secretVariable } from '../define/secret.ts'
import { openHome } from '../local/home.ts'
import { secretsPath } from '../local/state-folder.ts'
import type { Home } from '../project/home.ts'
import { findConfig, loadProject, noProject, type Project } from '../project/load-config.ts'

/** Flags that every command takes. */
export interface GlobalOptions {
  state: string
  data?: string
  config?: string
  /** A deployment of the config; absent: this machine. */
  env?: string
  json?: true
}

/** What a command gives back; one place prints it. */
export interface Result {
  /** For `--json`; an array of lines is printed as JSON Lines. */
  data: unknown
  text: string
  /** @default 0 */
  exitCode?: number
}

/** Loads the project of the working folder. */
export function projectOf(options: GlobalOptions): Promise<Project> {
  return loadProject(findConfig(process.cwd(), options.config))
}

/** The project of the working folder; nothing is defined where there is none, which is enough for plans of commands. */
export async function projectIfAny(options: Pick<GlobalOptions, 'config'>): Promise<Project> {
  try {
    return await loadProject(findConfig(process.cwd(), options.config))
  } catch (error) {
    const isAbsent = error instanceof SluiceError && error.code === 'config_not_found'
    if (isAbsent && options.config === undefined) return noProject(process.cwd())
    throw error
  }
}

/** Opens the state to look at, with a project where its limits or targets count; undefined where none has been made yet. */
export async function existingHome(options: GlobalOptions, project?: Project): Promise<Home | undefined> {
  if (options.env !== undefined) return deployedHome(options, project)
  if (!existsSync(join(options.state, 'state.db'))) return undefined
  return project === undefined ? openHome({ stateFolder: options.state }) : projectHome(options, project)
}

/** The deployment of `--env`. What speaks to AWS is loaded only for it. */
async function deployedHome(options: GlobalOptions, project?: Project): Promise<Home> {
  const { connect } = await import('./remote/connect.ts')
  return (await connect(options, project)).home
}

/** Opens the state of a run that must exist. */
export async function homeWithRuns(options: GlobalOptions, project?: Project): Promise<Home> {
  const home = await existingHome(options, project)
  if (home !== undefined) return home
  throw new SluiceError('unknown_run', `There are no runs in the state ${options.state}.`, {
    hint: 'Start one: sluice run NAME. Another state is named with --state.',
  })
}

/** Opens or makes the state of a project; `inline` runs bodies in this process. */
export function projectHome(options: GlobalOptions & { inline?: true }, project: Project): Home {
  return openHome({
    stateFolder: options.state,
    project,
    ...(options.data === undefined ? {} : { storageFolder: options.data }),
    ...(options.inline ? { inline: 'inline' } : {}),
  })
}

/** Looks at the state of a project, and closes it. */
export async function withHome<T>(
  options: GlobalOptions,
  project: Project,
  look: (home: Home) => Promise<T>,
): Promise<T> {
  const home =
    options.env === undefined ? projectHome(options, project) : await deployedHome(options, project)
  try {
    return await look(home)
  } finally {
    await home.close()
  }
}

/** The secrets of the state, without opening the state itself. */
export const secretsOf = (options: GlobalOptions) => fileSecrets(secretsPath(options.state), secretVariable)

/** A whole number of 1 or more. */
export function positiveInteger(text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1)
    throw new InvalidArgumentError('It takes a whole number of 1 or more.')
  return value
}

const UNITS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** A duration such as `90s`, `15m`, `2h`; a bare number is seconds. Returns milliseconds. */
export function duration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)?$/.exec(text)
  if (match === null) throw new InvalidArgumentError('It takes a duration such as 90s, 15m or 2h.')
  return Number(match[1]) * (UNITS[match[2] ?? 's'] ?? 1)
}
