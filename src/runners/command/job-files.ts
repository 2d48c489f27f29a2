import { existsSync, lstatSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { IN_CONTAINER } from '../../core/names.ts'
import type { ContainerOutput } from '../../core/plan.ts'
import type { Job } from '../../core/ports/working.ts'
import { formatPathBesideTarget, moveIntoPlace } from '../move-into-place.ts'
import type { ProgramFiles } from './command-files.ts'

/**
 * The files of a command whose arguments say where it writes: the program of a job on one machine. They are in a folder of the
 * attempt beside the first output, and all of them are moved into place, or none.
 */
export class JobFiles implements ProgramFiles {
  readonly yields: string
  readonly #folder: string
  readonly #nonce: string
  readonly #outputs: readonly ContainerOutput[]

  constructor({ nonce }: Job, outputs: readonly ContainerOutput[]) {
    const [first] = outputs
    this.#nonce = nonce
    this.#outputs = outputs
    this.#folder =
      first === undefined
        ? join(tmpdir(), `sluice-${nonce}`)
        : formatPathBesideTarget(fileURLToPath(first.uri), nonce, 0)
    this.yields = join(this.#folder, 'requires.jsonl')
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
    for (const output of this.#outputs) {
      const problem = findProblemOf(this.#at(output), output)
      if (problem !== undefined) return problem
    }
    return undefined
  }

  publish(): void {
    const published: string[] = []
    try {
      for (const output of this.#outputs) {
        const from = this.#at(output)
        // The marker is the last file of a folder.
        if (output.marker?.by === 'sluice')
          writeFileSync(join(from, output.marker.name), JSON.stringify(listFiles(from)))
        const to = fileURLToPath(output.uri)
        moveIntoPlace(from, to, this.#nonce)
        published.push(to)
      }
    } catch (error) {
      for (const path of published) rmSync(path, { recursive: true, force: true })
      throw error
    }
  }

  remove(): void {
    rmSync(this.#folder, { force: true, recursive: true })
  }

  #at({ at }: ContainerOutput): string {
    return join(this.#folder, 'out', at)
  }
}

function findProblemOf(path: string, { marker }: ContainerOutput): string | undefined {
  const found = lstatSync(path, { throwIfNoEntry: false })
  if (found === undefined) return `the command ended well but its output is missing: ${path}`
  if (marker === undefined) return found.isFile() ? undefined : `the output ${path} is no plain file`
  if (!found.isDirectory()) return `the output ${path} is no folder`
  if (marker.by === 'program' && !existsSync(join(path, marker.name)))
    return `the command ended well but its output has no ${marker.name}: ${path}`
  return undefined
}

/** Paths of the files in a folder, relative to it, in order. */
const listFiles = (folder: string): string[] =>
  readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name).slice(folder.length + 1))
    .sort()
