import { dirname, join, resolve } from 'node:path'
import { findConfigAbove, requireConfig } from '../project/load-config.ts'

let started: string | undefined

/** The folder in which the command was given: relative paths of its flags are seen from there. */
function startFolder(): string {
  started ??= process.cwd()
  return started
}

/** A path of a flag, as an absolute one. */
export const resolveFromStart = (path: string) => resolve(startFolder(), path)

/** Commands and flags that are seen from the folder in which they are given. */
const STAYS = new Set(['init', 'completion', 'luigi'])
const NAMES_A_PLACE = /^--(config|plan)(=|$)/

/**
 * Goes to the folder of the config that is found upwards, as npm does, so that bodies find the files of the project from
 * each of its folders. A config or plan that is named leaves the working folder as it is.
 */
export function enterProject(args: readonly string[]): void {
  const folder = startFolder()
  if (STAYS.has(args[0] ?? '') || args.some((arg) => NAMES_A_PLACE.test(arg))) return
  const config = findConfigAbove(folder)
  if (config !== undefined) process.chdir(dirname(config))
}

/** The state of a project is beside its config, in whichever folder the command is given; without a config it is here. */
export function findDefaultState(config: string | undefined): string {
  const folder = startFolder()
  const path = config === undefined ? findConfigAbove(folder) : requireConfig(folder, config)
  return join(path === undefined ? folder : dirname(path), '.sluice')
}
