import type { Control } from '../control/control.ts'
import { SluiceError } from '../core/errors.ts'
import { findDeployedEnvironment } from '../define/deployed-environment.ts'
import { openLocalControl } from '../homes/local/open-control.ts'
import type { Project } from '../project/load-config.ts'
import { keepHeapSmall, letHeapGrow } from './heap.ts'
import { type GlobalOptions, loadWorkingProject, type Result } from './options.ts'

/** Flags by which Sluice is found, and how bodies run if they run in this process. */
export interface ControlOptions extends GlobalOptions {
  inline?: true
  /** Leaves containers that failed for `sluice shell`. */
  keep?: true
  /** Pulls or builds each image once more at its first use. */
  pull?: true
}

/** Control as a command asks it; it is closed with `await using`. */
export interface CommandControl extends Control, AsyncDisposable {
  /** What another command line needs to go to the same place: ` --env NAME`, or nothing. */
  readonly placeFlag: string
}

interface Place {
  placeFlag: string
  isOnThisMachine: boolean
  open(project: Project | undefined): Promise<Control>
}

/**
 * Opens Control of this machine or, with `--env`, of a deployment. The project is absent for commands to which no
 * definition or limit matters: on this machine they work beside a broken config.
 */
export const openControl = (options: ControlOptions, project: Project | undefined): Promise<CommandControl> =>
  openControlAt(findPlace(options), project)

/** Control of this machine, or undefined with `--env`: for an answer that cannot wait for a deployment. */
export async function openQuickControl(options: ControlOptions): Promise<CommandControl | undefined> {
  const place = findPlace(options)
  return place.isOnThisMachine ? openControlAt(place, undefined) : undefined
}

/**
 * Opens a shell on this terminal in a container of a task, of this machine or, with `--env`, of a deployment. What speaks to
 * Docker, Podman or AWS is loaded for this command alone.
 */
export async function openTaskShell(run: string, task: string, options: ControlOptions): Promise<Result> {
  if (options.env === undefined) {
    const { showLocalShell } = await import('./commands/shell.ts')
    return showLocalShell(run, task, options)
  }
  const { openContainerShell } = await import('./remote/shell.ts')
  return openContainerShell(run, task, options)
}

/** Nothing but this file chooses between this machine and a deployment. */
function findPlace(options: ControlOptions): Place {
  const { env, state, data, inline, keep, pull } = options
  if (env !== undefined) {
    if (keep) refuseKeep(env)
    if (pull) refusePull()
    return {
      placeFlag: ` --env ${env}`,
      isOnThisMachine: false,
      async open(given) {
        const project = given ?? (await loadWorkingProject(options))
        const environment = findDeployedEnvironment(project, env)
        // What speaks to AWS is loaded only for a deployment.
        const { openDeployedControl } = await import('../homes/remote/open-control.ts')
        return openDeployedControl(project, environment)
      },
    }
  }
  return {
    placeFlag: '',
    isOnThisMachine: true,
    async open(project) {
      if (project === undefined) return openLocalControl({ stateFolder: state }, letHeapGrow)
      keepHeapSmall()
      return openLocalControl(
        { stateFolder: state, storageFolder: data, project, inline, keep, pull },
        letHeapGrow,
      )
    },
  }
}

function refusePull(): never {
  throw new SluiceError(
    'invalid_usage',
    '--pull is for images of this machine: ECS pulls a reference each time.',
    {
      hint: 'Leave it out; what is built is renewed by sluice deploy.',
    },
  )
}

function refuseKeep(env: string): never {
  throw new SluiceError(
    'invalid_usage',
    '--keep is for containers of this machine: ECS leaves nothing of one that ended.',
    {
      hint: `Leave it out; sluice logs RUN TASK --env ${env} shows what the program printed.`,
    },
  )
}

async function openControlAt(
  { placeFlag, open }: Place,
  project: Project | undefined,
): Promise<CommandControl> {
  const control = await open(project)
  return { ...control, placeFlag, [Symbol.asyncDispose]: control.close }
}
