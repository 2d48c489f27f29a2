import {
  chmodSync,
  type Dirent,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Json } from '../core/json.ts'
import { IN_CONTAINER } from '../core/names.ts'
import type { ContainerOutput, ContainerProgram } from '../core/plan.ts'
import { ATTEMPT_FILES } from '../core/program.ts'
import { moveIntoPlace } from './move-into-place.ts'

/*
 * What a program finds and leaves in its folders, wherever these are: on this machine they are mounted into a container or given to
 * a command, on AWS they are volumes that the keeper shares with it. What the program wrote is hostile: a link could lead anywhere.
 */

/** Every user of the image may write here. */
const OPEN_FOLDER = 0o777
const OPEN_FILE = 0o666

/** What the program of a container is given in the folder of its attempt. */
export interface AttemptFiles {
  params: Json
  /** What an earlier attempt has kept. */
  checkpoint: Json | undefined
}

/** What the program of a container is given beside its inputs. */
export interface GivenFiles extends AttemptFiles {
  /** Results of tasks without output, by the URI of the input. */
  results: ReadonlyMap<string, Json>
}

/** Makes a folder that every user of an image may write to; it may be there. */
export function makeOpenFolder(path: string): void {
  mkdirSync(path, { recursive: true })
  chmodSync(path, OPEN_FOLDER)
}

/** Makes the folder of the outputs, with the folders in which the program writes them. */
export function makeOutputFolders(out: string, { outputs }: Pick<ContainerProgram, 'outputs'>): void {
  makeOpenFolder(out)
  for (const { at, marker } of outputs) {
    const path = marker === undefined ? dirname(at) : at
    let made = out
    for (const part of path.split('/').filter((each) => each !== '.')) {
      made = join(made, part)
      makeOpenFolder(made)
    }
  }
}

/** Writes the files by which the program talks with Sluice into the folder of its attempt. */
export function writeAttemptFiles(folder: string, { params, checkpoint }: AttemptFiles): void {
  writeFileSync(join(folder, ATTEMPT_FILES.params), JSON.stringify(params))
  if (checkpoint !== undefined)
    writeFileSync(join(folder, ATTEMPT_FILES.checkpoint), JSON.stringify(checkpoint))
  for (const name of [ATTEMPT_FILES.events, ATTEMPT_FILES.requires]) {
    writeFileSync(join(folder, name), '')
    chmodSync(join(folder, name), OPEN_FILE)
  }
}

/** Who has written outputs, and the folder by which it knows them. */
interface OutputWriter {
  who: 'container' | 'command'
  folder: string
}

const CONTAINER: OutputWriter = { who: 'container', folder: IN_CONTAINER.outputs }

/** Why the outputs cannot be published; undefined if all are there, whole. */
export function findOutputProblem(
  out: string,
  { outputs }: Pick<ContainerProgram, 'outputs'>,
  writer: OutputWriter = CONTAINER,
): string | undefined {
  for (const output of outputs) {
    const problem = findProblemOf(out, output, writer)
    if (problem !== undefined) return problem
  }
  return undefined
}

function findProblemOf(
  out: string,
  { at, marker }: ContainerOutput,
  { who, folder }: OutputWriter,
): string | undefined {
  const shown = `${folder}/${at}`
  let path = out
  for (const part of at.split('/')) {
    if (!lstatSync(path).isDirectory()) return `${shown} is behind a link`
    path = join(path, part)
    if (lstatSync(path, { throwIfNoEntry: false }) === undefined)
      return `the ${who} ended well but its output is missing: ${shown}`
  }
  if (marker === undefined)
    return lstatSync(path).isFile() ? undefined : `the output ${shown} is no plain file`
  if (!lstatSync(path).isDirectory()) return `the output ${shown} is no folder`
  if (marker.by === 'program' && !existsSync(join(path, marker.name)))
    return `the ${who} ended well but its output has no ${marker.name}: ${shown}`
  const strange = listEntries(path).find((entry) => !entry.isFile() && !entry.isDirectory())
  return strange && `the output ${shown} holds ${strange.name}, which is no plain file`
}

/** Moves the outputs into place on this machine: all, or none. Throws what the file system says. */
export function publishIntoPlace(
  out: string,
  { outputs }: Pick<ContainerProgram, 'outputs'>,
  attemptId: string,
): void {
  const published: string[] = []
  try {
    for (const { uri, at, marker } of outputs) {
      const from = join(out, at)
      // The marker is the last file of a folder.
      if (marker?.by === 'sluice')
        writeFileSync(
          join(from, marker.name),
          JSON.stringify(listFiles(from).filter((name) => name !== marker.name)),
        )
      if (marker !== undefined) chmodSync(from, OPEN_FOLDER & ~process.umask())
      const to = fileURLToPath(uri)
      moveIntoPlace(from, to, attemptId)
      published.push(to)
    }
  } catch (error) {
    for (const path of published) rmSync(path, { recursive: true, force: true })
    throw error
  }
}

/** All that is in a folder and the folders below it. */
export const listEntries = (folder: string): Dirent[] =>
  readdirSync(folder, { withFileTypes: true, recursive: true })

/** Paths of the files in a folder, relative to it, in order. */
export const listFiles = (folder: string): string[] =>
  listEntries(folder)
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name).slice(folder.length + 1))
    .sort()
