import { mkdirSync, rmdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { IN_CONTAINER } from '../../core/names.ts'
import type { ContainerOutput } from '../../core/plan.ts'
import type { Job } from '../../core/ports/working.ts'
import { ContainerFiles } from '../container/container-files.ts'
import type { ProgramFiles } from './command-files.ts'

/** The files of a command whose arguments say where it writes: the program of a job on one machine. */
export class JobFiles implements ProgramFiles {
  readonly yields: string
  readonly #files: ContainerFiles
  readonly #job: Job
  readonly #outputs: readonly ContainerOutput[]

  constructor(job: Job, outputs: ContainerOutput[]) {
    this.#job = job
    this.#outputs = outputs
    this.#files = new ContainerFiles({ image: { reference: '' }, env: {}, inputs: [], outputs }, job.nonce)
    this.yields = this.#files.requires
  }

  get written(): string | undefined {
    const [first] = this.#outputs
    return first && this.#in(first.at)
  }

  makeRoom(): void {
    const { checkpoint, task } = this.#job
    this.#files.make({ params: task.params, checkpoint, results: new Map() })
    // A program that writes a folder with its marker makes the folder itself; Spark refuses one that is there.
    for (const { at, marker } of this.#outputs)
      if (marker?.by === 'program') {
        rmdirSync(this.#in(at))
        mkdirSync(dirname(this.#in(at)), { recursive: true })
      }
  }

  fillIn(argv: readonly string[]): string[] {
    const out = `${this.#in('')}/`
    return argv.map((each) => each.replaceAll(`${IN_CONTAINER.outputs}/`, () => out))
  }

  findProblem(): string | undefined {
    const out = this.#in('')
    return this.#files
      .findOutputProblem()
      ?.replace('the container', 'the command')
      .replace(IN_CONTAINER.outputs, () => out)
  }

  publish(): void {
    this.#files.publish()
  }

  remove(): void {
    rmSync(this.#files.folder, { force: true, recursive: true })
  }

  #in(at: string): string {
    return join(this.#files.folder, 'out', at).replace(/\/$/, '')
  }
}
