import { mkdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { IN_CONTAINER } from '../../core/names.ts'
import type { ContainerOutput } from '../../core/plan.ts'
import type { Job } from '../../core/ports/working.ts'
import { formatPathBesideTarget } from '../move-into-place.ts'
import { findOutputProblem, publishIntoPlace } from '../program-files.ts'
import { type ProgramFiles, removeStagedBeside } from './command-files.ts'

/**
 * The files of a command whose arguments say where it writes: the program of a job on one machine. They are in a folder of the
 * attempt beside the first output, and all of them are moved into place, or none.
 */
export class JobFiles implements ProgramFiles {
  readonly #folder: string
  readonly #job: Job
  readonly #outputs: ContainerOutput[]
  /** Path of its first output, if it has one. */
  readonly #target: string | undefined

  /** `folder` is for what it writes if it has no output. */
  constructor(job: Job, outputs: ContainerOutput[], folder: string) {
    const [first] = outputs
    this.#job = job
    this.#outputs = outputs
    this.#target = first && fileURLToPath(first.uri)
    this.#folder = this.#target === undefined ? folder : formatPathBesideTarget(this.#target, job.nonce, 0)
  }

  get written(): string | undefined {
    const [first] = this.#outputs
    return first && this.#at(first)
  }

  makeRoom(): void {
    if (this.#target !== undefined) {
      mkdirSync(dirname(this.#target), { recursive: true })
      removeStagedBeside(this.#target, this.#job)
    }
    mkdirSync(join(this.#folder, 'out'), { recursive: true })
    // A program that writes a folder with its marker makes the folder itself: Spark refuses one that is there.
    for (const output of this.#outputs)
      mkdirSync(output.marker?.by === 'sluice' ? this.#at(output) : dirname(this.#at(output)), {
        recursive: true,
      })
  }

  fillIn(argv: readonly string[]): string[] {
    const out = `${join(this.#folder, 'out')}/`
    return argv.map((each) => each.replaceAll(`${IN_CONTAINER.outputs}/`, () => out))
  }

  findProblem(): string | undefined {
    const folder = join(this.#folder, 'out')
    return findOutputProblem(folder, { outputs: this.#outputs }, { who: 'command', folder })
  }

  publish(): void {
    publishIntoPlace(join(this.#folder, 'out'), { outputs: this.#outputs }, this.#job.nonce)
  }

  remove(): void {
    rmSync(this.#folder, { force: true, recursive: true })
  }

  #at({ at }: ContainerOutput): string {
    return join(this.#folder, 'out', at)
  }
}
