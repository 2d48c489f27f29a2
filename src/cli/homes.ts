import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Home } from '../control/home.ts'
import { SluiceError } from '../core/errors.ts'
import { openHome } from '../homes/local/home.ts'
import type { Project } from '../project/load-config.ts'
import { growThriftily } from './heap.ts'
import type { GlobalOptions } from './options.ts'

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

/** Looks at a state of this machine where one has been made, and closes it. */
export async function withExistingHome<T>(
  options: GlobalOptions,
  look: (home: Home) => Promise<T>,
): Promise<T | undefined> {
  const home = await existingHome(options)
  return home && look(home).finally(() => home.close())
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
  growThriftily()
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
