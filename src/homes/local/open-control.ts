import { existsSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { makeFileSecrets } from '../../adapters/secrets/file-secrets.ts'
import { makeSecretsPath, makeStateFolder } from '../../adapters/sqlite/state-folder.ts'
import type { Control } from '../../control/control.ts'
import type { Home } from '../../control/home.ts'
import { makeLocalControl } from '../../control/local-control.ts'
import { SluiceError } from '../../core/errors.ts'
import { type Actor, makeActor } from '../../core/records/actor.ts'
import { makeSecretVariableName } from '../../define/secret.ts'
import type { SchedulerLook } from '../../luigi/scheduler-reader.ts'
import { makeEmptyProject, type Project } from '../../project/load-config.ts'
import { type HomeOptions, openLocalHome } from './home.ts'
import { makeSchedulerFinder } from './open-luigi.ts'

/**
 * Asks the state in a folder, which is opened at the first operation that needs it. Without a project, definitions and
 * limits are unknown. `onWork` is called once bodies are about to run in this process.
 */
export function openLocalControl(options: HomeOptions, onWork: () => void): Control {
  const { stateFolder, project = makeEmptyProject(process.cwd()) } = options
  let home: Home | undefined
  const open = async () => {
    home ??= openLocalHome(options)
    return home
  }
  const scheduler = makeSchedulerFinder(stateFolder)
  const isMade = () => existsSync(join(stateFolder, 'state.db'))
  return makeLocalControl({
    state: {
      open,
      existing: async () => (isMade() ? open() : home),
      withRuns: async () => (isMade() ? open() : refuseWithoutRuns(stateFolder)),
    },
    project,
    findActor: findMachineUser,
    isHosted: false,
    secrets: makeSecretKeeper(stateFolder),
    findLuigid: scheduler.find,
    onWork,
    async close() {
      scheduler.close()
      await home?.close()
    },
  })
}

/**
 * Asks the state on which an engine of this process works. `findOwnLuigid`: the scheduler of Luigi of this process, if it
 * has one.
 */
export function makeControlBesideEngine(
  home: Home,
  project: Project,
  stateFolder: string,
  findOwnLuigid: () => SchedulerLook | undefined = () => undefined,
): Control {
  const scheduler = makeSchedulerFinder(stateFolder)
  return makeLocalControl({
    state: { open: async () => home, existing: async () => home, withRuns: async () => home },
    project,
    findActor: findMachineUser,
    isHosted: true,
    secrets: makeSecretKeeper(stateFolder),
    findLuigid: () => findOwnLuigid() ?? scheduler.find(),
    async close() {
      scheduler.close()
      await home.close()
    },
  })
}

/** The user as whom this process runs. */
function findMachineUser(): Actor {
  try {
    return makeActor('user', userInfo().username)
  } catch {
    // A container may run as a number that no user of it has.
    return makeActor('user', `uid ${process.getuid?.() ?? 'unknown'}`)
  }
}

/** The secrets of a state, without opening the state itself. */
export const openSecretsOfState = (stateFolder: string) =>
  makeFileSecrets(makeSecretsPath(stateFolder), makeSecretVariableName)

/** Secrets are kept beside the state, which need not be opened for them. */
function makeSecretKeeper(stateFolder: string) {
  const secrets = openSecretsOfState(stateFolder)
  return {
    names: secrets.names,
    set(name: string, value: string) {
      // The folder is kept out of version control before a secret lies in it.
      makeStateFolder(stateFolder)
      secrets.set(name, value)
    },
    remove: secrets.remove,
  }
}

/** Throws that a state has no runs, for what needs one. */
export function refuseWithoutRuns(stateFolder: string): never {
  throw new SluiceError('unknown_run', `There are no runs in the state ${stateFolder}.`, {
    hint: 'Start one: sluice run NAME. Another state is named with --state.',
  })
}
