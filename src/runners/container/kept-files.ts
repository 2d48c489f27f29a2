import { createReadStream, createWriteStream } from 'node:fs'
import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { findLuigiShim, SHIM_IN_CONTAINER } from '../../body/luigi-shim.ts'
import { SluiceError } from '../../core/errors.ts'
import type { Json } from '../../core/json.ts'
import { IN_CONTAINER } from '../../core/names.ts'
import type { ContainerInput, ContainerOutput, ContainerProgram } from '../../core/plan.ts'
import type { StagedOutput, Storage } from '../../core/ports/working.ts'
import { ATTEMPT_FILES } from '../../core/program.ts'
import {
  findOutputProblem,
  type GivenFiles,
  listFiles,
  makeOpenFolder,
  makeOutputFolders,
  writeAttemptFiles,
} from '../program-files.ts'

/*
 * The files of a program beside its keeper: three folders that both see. The keeper brings the inputs from the storage before the
 * program starts, and takes the outputs to the storage when it has ended.
 *
 * 1. Everything is staged before anything is published, so that what cannot be read publishes nothing.
 * 2. All outputs are published, or none; of a folder the marker comes last.
 * 3. A name of the storage never leads out of the folder of inputs.
 */

/** The files of a program that the keeper brings and takes. */
export class KeptFiles {
  readonly #program: ContainerProgram
  readonly #storage: Storage
  readonly #folders: { inputs: string; outputs: string; attempt: string }

  /** `root` is the folder in which `/sluice` is; only tests have another one than `/`. */
  constructor(program: ContainerProgram, storage: Storage, root = '/') {
    this.#program = program
    this.#storage = storage
    const { inputs, outputs, attempt } = IN_CONTAINER
    this.#folders = {
      inputs: join(root, inputs),
      outputs: join(root, outputs),
      attempt: join(root, attempt),
    }
  }

  /** File in which the program says what it is doing. */
  get events(): string {
    return join(this.#folders.attempt, ATTEMPT_FILES.events)
  }

  /** File in which it says what it needs to go on. */
  get requires(): string {
    return join(this.#folders.attempt, ATTEMPT_FILES.requires)
  }

  /**
   * Makes all that the program finds; returns the URIs of inputs that have gone since the plan was made. Throws an error of the user if they do
   * not fit: another try has no more room.
   */
  make(given: GivenFiles): Promise<string[]> {
    return this.#makeAll(given).catch((error) => {
      throw error?.code === 'ENOSPC' ? makeFullError(error) : error
    })
  }

  async #makeAll({ results, ...given }: GivenFiles): Promise<string[]> {
    makeOpenFolder(this.#folders.attempt)
    writeAttemptFiles(this.#folders.attempt, given)
    makeOutputFolders(this.#folders.outputs, this.#program)
    const missing: string[] = []
    for (const input of this.#program.inputs)
      if (!(await this.#bring(input, results))) missing.push(input.uri)
    return missing
  }

  /** Why the outputs cannot be published; undefined if all are there, whole. */
  findOutputProblem(): string | undefined {
    return findOutputProblem(this.#folders.outputs, this.#program)
  }

  /** Brings all outputs to the storage, where nothing of them is visible yet; in the order in which they are published. */
  async stage(attemptId: string): Promise<StagedOutput[]> {
    const staged: StagedOutput[] = []
    try {
      for (const path of this.#program.outputs.flatMap((output) => this.#listPaths(output)))
        staged.push(
          await this.#storage.stage(path, attemptId, createReadStream(join(this.#folders.outputs, path))),
        )
      for (const output of this.#program.outputs)
        if (output.marker?.by === 'sluice')
          staged.push(await this.#stageMarker(output, output.marker.name, attemptId))
      return staged
    } catch (error) {
      await discardOutputs(staged)
      throw error
    }
  }

  /** Paths of the files of an output, relative to the storage; the marker that the program has written is the last. */
  #listPaths({ at, marker }: ContainerOutput): string[] {
    if (marker === undefined) return [at]
    const names = listFiles(join(this.#folders.outputs, at)).filter((name) => name !== marker.name)
    return [...names, ...(marker.by === 'program' ? [marker.name] : [])].map((name) => `${at}/${name}`)
  }

  #stageMarker({ at }: ContainerOutput, name: string, attemptId: string): Promise<StagedOutput> {
    const names = listFiles(join(this.#folders.outputs, at)).filter((each) => each !== name)
    return this.#storage.stage(`${at}/${name}`, attemptId, Buffer.from(JSON.stringify(names)))
  }

  /** Brings one input: a result, a folder or a file; false if it is not there. */
  async #bring({ uri, at }: ContainerInput, results: ReadonlyMap<string, Json>): Promise<boolean> {
    if (results.has(uri)) {
      const path = await this.#makeInputPath(at)
      await writeFile(path, JSON.stringify(results.get(uri)))
      return true
    }
    if (uri === SHIM_IN_CONTAINER.input.uri) {
      // The keeper has it in its image; all else is in the storage.
      await copyFile(findLuigiShim(), await this.#makeInputPath(at))
      return true
    }
    const listed = await this.#storage.list(at)
    const [isFile = false] = listed.length > 0 ? [] : await this.#storage.existMany([at])
    const paths = isFile ? [at] : listed
    for (const path of paths)
      await pipeline(this.#storage.read(path), createWriteStream(await this.#makeInputPath(path)))
    return paths.length > 0
  }

  async #makeInputPath(at: string): Promise<string> {
    const path = join(this.#folders.inputs, at)
    if (!path.startsWith(`${this.#folders.inputs}/`))
      throw new Error(`the input ${at} would lie outside of ${IN_CONTAINER.inputs}`)
    await mkdir(dirname(path), { recursive: true })
    return path
  }
}

const makeFullError = (cause: Error) =>
  new SluiceError(
    'invalid_definition',
    `its inputs do not fit the storage of its ECS task: ${cause.message}`,
    {
      cause,
      hint: 'It has 20 GB for the images, inputs and outputs together: let the program read what is large from input.X.uri.',
    },
  )

/** Publishes staged outputs in order: all, or none. */
export async function publishOutputs(staged: StagedOutput[], mode: 'create' | 'replace'): Promise<void> {
  const published: StagedOutput[] = []
  try {
    for (const output of staged) {
      published.push(output)
      await output.publish(mode)
    }
  } catch (error) {
    for (const output of published.reverse()) await output.withdraw().catch(() => {})
    throw error
  }
}

/** Removes what was staged and is not published. */
export async function discardOutputs(staged: StagedOutput[]): Promise<void> {
  for (const output of staged) await output.discard().catch(() => {})
}
