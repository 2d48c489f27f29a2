import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Control } from '../control/control.ts'
import type { Home } from '../control/home.ts'
import { makeLocalControl } from '../control/local-control.ts'
import { SluiceError } from '../core/errors.ts'
import { openLocalHome } from '../homes/local/home.ts'
import { makeStateFolder } from '../homes/local/state-folder.ts'
import { makeEmptyProject, type Project } from '../project/load-config.ts'
import { keepHeapSmall, letHeapGrow } from './heap.ts'
import { type GlobalOptions, openSecretsOfState } from './options.ts'

/** Flags by which Sluice is found. */
export interface ControlOptions extends GlobalOptions {
  inline?: true
}

/**
 * Lets a command ask Sluice on this machine or, with `--env`, a deployment; nothing but this place knows which. The
 * project is absent for commands to which no definition or limit matters: they work beside a broken config.
 */
export async function askWithControl<T>(
  options: ControlOptions,
  project: Project | undefined,
  ask: (control: Control) => Promise<T>,
): Promise<T> {
  const control =
    options.env === undefined ? openLocalControl(options, project) : await openControlFor(options, project)
  try {
    return await ask(control)
  } finally {
    await control.close()
  }
}

/** What speaks to AWS is loaded only for a deployment. */
async function openControlFor(options: GlobalOptions, project: Project | undefined): Promise<Control> {
  const { openDeployedControl } = await import('./remote/control.ts')
  return openDeployedControl(options, project)
}

function openLocalControl(options: ControlOptions, project: Project | undefined): Control {
  let home: Home | undefined
  const open = async () => {
    home ??=
      project === undefined
        ? openLocalHome({ stateFolder: options.state })
        : openProjectHome(options, project)
    return home
  }
  const isMade = () => existsSync(join(options.state, 'state.db'))
  return makeLocalControl({
    state: {
      open,
      existing: async () => (isMade() ? open() : home),
      withRuns: async () => (isMade() ? open() : noRuns(options)),
    },
    project: project ?? makeEmptyProject(process.cwd()),
    isHosted: false,
    secrets: makeSecretKeeper(options),
    onWork: letHeapGrow,
    close: async () => home?.close(),
  })
}

/** Asks the state on which an engine of this process works. */
export const makeControlBesideEngine = (home: Home, project: Project, options: GlobalOptions): Control =>
  makeLocalControl({
    state: { open: async () => home, existing: async () => home, withRuns: async () => home },
    project,
    isHosted: true,
    secrets: makeSecretKeeper(options),
    close: home.close,
  })

/** Secrets are kept beside the state, which need not be opened for them. */
const makeSecretKeeper = (options: GlobalOptions) => ({
  names: () => openSecretsOfState(options).names(),
  set(name: string, value: string) {
    // The folder is kept out of version control before a secret lies in it.
    makeStateFolder(options.state)
    openSecretsOfState(options).set(name, value)
  },
  remove: (name: string) => openSecretsOfState(options).remove(name),
})

function noRuns({ state }: GlobalOptions): never {
  throw new SluiceError('unknown_run', `There are no runs in the state ${state}.`, {
    hint: 'Start one: sluice run NAME. Another state is named with --state.',
  })
}

/** Opens or makes the state of a project; `inline` runs bodies in this process. */
export function openProjectHome(options: ControlOptions, project: Project): Home {
  keepHeapSmall()
  return openLocalHome({
    stateFolder: options.state,
    project,
    ...(options.data === undefined ? {} : { storageFolder: options.data }),
    ...(options.inline ? { inline: 'inline' } : {}),
  })
}
