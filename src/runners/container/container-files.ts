import { existsSync, lchownSync, lstatSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join, posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import { locateInputFile } from '../../body/luigi-shim.ts'
import { IN_CONTAINER } from '../../core/names.ts'
import type { ContainerOutput, ContainerProgram } from '../../core/plan.ts'
import { ATTEMPT_FILES } from '../../core/program.ts'
import { formatPathBesideTarget } from '../move-into-place.ts'
import {
  findOutputProblem,
  type GivenFiles,
  listEntries,
  makeOpenFolder,
  makeOutputFolders,
  publishIntoPlace,
  writeAttemptFiles,
} from '../program-files.ts'

/*
 * The files of one container, in a folder of its own beside its first output: `out` is what it writes, `attempt` is where it
 * talks with Sluice, `results` are results of tasks without output.
 *
 * 1. The folder itself is closed to other users of the machine; what is mounted of it is open to the user of the image.
 * 2. What the program wrote is hostile: a link could lead anywhere on this machine. Only plain files and folders are published.
 * 3. All outputs are moved into place, or none. If this process dies meanwhile, the next attempt moves those that are left.
 * 4. The folder belongs to the container: who removes the container removes it.
 */

/** One path of this machine in the container. */
export interface Mount {
  source: string
  target: string
  isReadOnly: boolean
}

/** The file that says that no later attempt may go on with a container. */
const STOPPED = 'stopped'
/** The file that says that the outputs are good, and are being moved into place. */
const PUBLISHING = 'publishing'

/** Whether the container of this folder was asked to stop: it may have ended well with half of its work, so no attempt may go on with it. */
export const isStopped = (folder: string): boolean => existsSync(join(folder, STOPPED))

/** The files of one container on this machine. */
export class ContainerFiles {
  /** The folder of all of them. */
  readonly folder: string
  readonly #program: ContainerProgram
  readonly #attemptId: string

  /** `folder` is where a container that is adopted has its files. */
  constructor(program: ContainerProgram, attemptId: string, folder?: string) {
    this.#program = program
    this.#attemptId = attemptId
    const [first] = program.outputs
    this.folder =
      folder ??
      (first === undefined
        ? join(tmpdir(), `sluice-${attemptId}`)
        : formatPathBesideTarget(fileURLToPath(first.uri), attemptId, 0))
  }

  /** File in which the program says what it is doing. */
  get events(): string {
    return join(this.folder, 'attempt', ATTEMPT_FILES.events)
  }

  /** File in which it says what it needs to go on. */
  get requires(): string {
    return join(this.folder, 'attempt', ATTEMPT_FILES.requires)
  }

  /** Makes the folder, with all that the program finds in it. Throws what the file system says. */
  make({ params, checkpoint, results }: GivenFiles): void {
    mkdirSync(dirname(this.folder), { recursive: true })
    mkdirSync(this.folder, { mode: 0o700 })
    for (const name of ['attempt', 'results']) makeOpenFolder(join(this.folder, name))
    makeOutputFolders(join(this.folder, 'out'), this.#program)
    writeAttemptFiles(join(this.folder, 'attempt'), { params, checkpoint })
    for (const { uri, at } of this.#program.inputs)
      if (results.has(uri))
        writeFileSync(join(this.folder, 'results', basename(at)), JSON.stringify(results.get(uri)))
  }

  /**
   * Notes that no later attempt may go on with the container: it is asked to stop for a reason after which its end proves nothing.
   * Written before that is done, so that a later attempt knows also if this process dies meanwhile.
   */
  noteStop(): void {
    writeFileSync(join(this.folder, STOPPED), '')
  }

  /** What is mounted into the container. */
  listMounts(): Mount[] {
    const inputs = this.#program.inputs.map(({ uri, at }) => ({
      source: locateInputFile(uri) ?? join(this.folder, 'results', basename(at)),
      target: `${IN_CONTAINER.inputs}/${at}`,
      isReadOnly: true,
    }))
    const targets = new Set(inputs.map(({ target }) => target))
    return [
      // A file in a folder that is mounted is there already.
      ...inputs.filter(({ target }) => !isBelow(posix.dirname(target), targets)),
      ...(this.#program.mounts ?? []).map(({ folder, at }) => ({
        source: folder,
        target: at,
        isReadOnly: false,
      })),
      { source: join(this.folder, 'out'), target: IN_CONTAINER.outputs, isReadOnly: false },
      { source: join(this.folder, 'attempt'), target: IN_CONTAINER.attempt, isReadOnly: false },
    ]
  }

  /** Inputs that have gone since the plan was made. */
  findMissingInputs(): string[] {
    return this.listMounts()
      .filter(({ source }) => !existsSync(source))
      .map(({ source }) => source)
  }

  /**
   * Makes all that was written belong to the user of this process, whatever user the image has. `copyOut` copies the folder of
   * outputs out of the container into an empty folder, by the engine, which may read all of it.
   */
  async takeOver(copyOut: (into: string) => Promise<void>): Promise<void> {
    if (this.#isPublishing) return
    const out = join(this.folder, 'out')
    const user = process.getuid?.()
    const group = process.getgid?.()
    if (user === undefined || group === undefined || !hasForeignOwner(out, user)) return
    if (user === 0) {
      for (const path of listAll(out)) lchownSync(path, user, group)
      return
    }
    const [copy, foreign] = [join(this.folder, 'copy'), join(this.folder, 'foreign')]
    // An attempt before this one may have been cut anywhere in these lines.
    rmSync(copy, { recursive: true, force: true })
    mkdirSync(copy)
    await copyOut(copy)
    if (existsSync(out)) renameSync(out, foreign)
    renameSync(copy, out)
  }

  /** Why the outputs cannot be published; undefined if all are there, whole. */
  findOutputProblem(): string | undefined {
    return findOutputProblem(join(this.folder, 'out'), this.#listUnpublished())
  }

  /** Moves all outputs into place, or none. Those that are replaced are there until then. */
  publish(): void {
    const left = this.#listUnpublished()
    writeFileSync(join(this.folder, PUBLISHING), '')
    publishIntoPlace(join(this.folder, 'out'), left, this.#attemptId)
  }

  get #isPublishing(): boolean {
    return existsSync(join(this.folder, PUBLISHING))
  }

  /** The outputs but for those that an attempt before this one has moved into place. */
  #listUnpublished(): Pick<ContainerProgram, 'outputs'> {
    if (!this.#isPublishing) return this.#program
    const isLeft = ({ at, uri }: ContainerOutput) =>
      existsSync(join(this.folder, 'out', at)) || !existsSync(fileURLToPath(uri))
    return { outputs: this.#program.outputs.filter(isLeft) }
  }
}

/** Whether a path is one of these, or below one. */
function isBelow(path: string, paths: ReadonlySet<string>): boolean {
  for (let each = path; each.length > 1; each = posix.dirname(each)) if (paths.has(each)) return true
  return false
}

const listAll = (folder: string) => [
  folder,
  ...listEntries(folder).map(({ parentPath, name }) => join(parentPath, name)),
]

/** Whether another user owns something in a folder, or what is in it cannot be seen. */
function hasForeignOwner(folder: string, user: number): boolean {
  try {
    return listAll(folder).some((path) => lstatSync(path).uid !== user)
  } catch {
    return true
  }
}
