import { mkdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { IN_CONTAINER } from '../../core/names.ts'
import type { ContainerOutput } from '../../core/plan.ts'
import type { Job } from '../../core/ports/working.ts'
import { formatPathBesideTarget } from '../move-into-place.ts'
import { findOutputProblem, publishIntoPlace } from '../program-files.ts'
import type { ProgramFiles } from './command-files.ts'

/**
 * The files of a command whose arguments say where it writes: the program of a job on one machine. They are in a folder of the
 * attempt beside the first output, and all of them are moved into place, or none.
 */
export class JobFiles implements ProgramFiles {
  readonly yields: string
  readonly events: string
  readonly #folder: string
  readonly #nonce: string
  readonly #outputs: ContainerOutput[]

  constructor({ nonce }: Job, outputs: ContainerOutput[]) {
    const [first] = outputs
    this.#nonce = nonce
    this.#outputs = outputs
    this.#folder =
      first === undefined
        ? join(tmpdir(), `sluice-${nonce}`)
        : formatPathBesideTarget(fileURLToPath(first.uri), nonce, 0)
    this.yields = join(this.#folder, 'requires.jsonl')
    this.events = join(this.#folder, 'events.jsonl')
  }

  get written(): string | undefined {
    const [first] = this.#outputs
    return first && this.#at(first)
  }

  makeRoom(): void {
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
    publishIntoPlace(join(this.#folder, 'out'), { outputs: this.#outputs }, this.#nonce)
  }

  remove(): void {
    rmSync(this.#folder, { force: true, recursive: true })
  }

  #at({ at }: ContainerOutput): string {
    return join(this.#folder, 'out', at)
  }
}
