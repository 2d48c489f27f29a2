import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Control } from '../control/control.ts'
import type { Home } from '../control/home.ts'
import { localControl } from '../control/local-control.ts'
import { SluiceError } from '../core/errors.ts'
import { openHome } from '../homes/local/home.ts'
import { makeStateFolder } from '../homes/local/state-folder.ts'
import { noProject, type Project } from '../project/load-config.ts'
import { growFreely, growThriftily } from './heap.ts'
import { type GlobalOptions, secretsOf } from './options.ts'

/** Flags by which Sluice is found. */
export interface ControlOptions extends GlobalOptions {
  inline?: true
}

/**
 * Lets a command ask Sluice on this machine or, with `--env`, a deployment; nothing but this place knows which. The
 * project is absent for commands to which no definition or limit matters: they work beside a broken config.
 */
export async function withControl<T>(
  options: ControlOptions,
  project: Project | undefined,
  ask: (control: Control) => Promise<T>,
): Promise<T> {
  const control =
    options.env === undefined ? controlHere(options, project) : await controlOf(options, project)
  try {
    return await ask(control)
  } finally {
    await control.close()
  }
}

/** What speaks to AWS is loaded only for a deployment. */
async function controlOf(options: GlobalOptions, project: Project | undefined): Promise<Control> {
  const { deployedControl } = await import('./remote/control.ts')
  return deployedControl(options, project)
}

function controlHere(options: ControlOptions, project: Project | undefined): Control {
  let home: Home | undefined
  const open = async () => {
    home ??= project === undefined ? openHome({ stateFolder: options.state }) : projectHome(options, project)
    return home
  }
  const isMade = () => existsSync(join(options.state, 'state.db'))
  return localControl({
    state: {
      open,
      existing: async () => (isMade() ? open() : home),
      withRuns: async () => (isMade() ? open() : noRuns(options)),
    },
    project: project ?? noProject(process.cwd()),
    isHosted: false,
    secrets: keeperOf(options),
    onWork: growFreely,
    close: async () => home?.close(),
  })
}

/** Asks the state on which an engine of this process works. */
export const controlBeside = (home: Home, project: Project, options: GlobalOptions): Control =>
  localControl({
    state: { open: async () => home, existing: async () => home, withRuns: async () => home },
    project,
    isHosted: true,
    secrets: keeperOf(options),
    close: home.close,
  })

/** Secrets are kept beside the state, which need not be opened for them. */
const keeperOf = (options: GlobalOptions) => ({
  names: () => secretsOf(options).names(),
  set(name: string, value: string) {
    // The folder is kept out of version control before a secret lies in it.
    makeStateFolder(options.state)
    secretsOf(options).set(name, value)
  },
  remove: (name: string) => secretsOf(options).remove(name),
})

function noRuns({ state }: GlobalOptions): never {
  throw new SluiceError('unknown_run', `There are no runs in the state ${state}.`, {
    hint: 'Start one: sluice run NAME. Another state is named with --state.',
  })
}

/** Opens or makes the state of a project; `inline` runs bodies in this process. */
export function projectHome(options: ControlOptions, project: Project): Home {
  growThriftily()
  return openHome({
    stateFolder: options.state,
    project,
    ...(options.data === undefined ? {} : { storageFolder: options.data }),
    ...(options.inline ? { inline: 'inline' } : {}),
  })
}
