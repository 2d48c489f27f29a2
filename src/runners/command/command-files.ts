import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Job } from '../../core/ports/working.ts'
import { formatPathBesideTarget, moveIntoPlace } from '../move-into-place.ts'

/** What is written beside a target: `.NAME.<nonce>-<n>.tmp`. */
const STAGED_END = /^[^.]+\.tmp$/

/** The files of one command, however it is told where to write. */
export interface ProgramFiles {
  /** Where it writes its first output, if it has one. */
  readonly written: string | undefined
  /** Makes the folders in which it writes. Throws what the file system says. */
  makeRoom(): void
  /** Its arguments, with the paths at which this attempt writes. */
  fillIn(argv: readonly string[]): string[]
  /** Why its outputs cannot be published; undefined if they can. */
  findProblem(): string | undefined
  /** Moves what was written into place. Throws what the file system says. */
  publish(): void
  /** Removes what was not published. */
  remove(): void
}

/** Removes what earlier attempts of a task have left beside a target; a first attempt that follows none does not look. */
export function removeStagedBeside(target: string, { attempt, replaces }: Job): void {
  if (attempt === 1 && !replaces) return
  const folder = dirname(target)
  const start = `.${basename(target)}.`
  for (const name of readdirSync(folder))
    if (name.startsWith(start) && STAGED_END.test(name.slice(start.length)))
      rmSync(join(folder, name), { force: true, recursive: true })
}

/** The files of one command: its target, and what it writes beside that. */
export class CommandFiles implements ProgramFiles {
  /** Path of its output, if it has one. */
  readonly #target: string | undefined
  /** Where the command writes its output, in the folder of the target. */
  readonly written: string | undefined
  readonly #job: Job

  constructor(job: Job) {
    this.#job = job
    const [uri] = job.task.outputs
    this.#target = uri === undefined ? undefined : fileURLToPath(uri)
    this.written = this.#target && formatPathBesideTarget(this.#target, job.nonce, 0)
  }

  /** Makes the target's folder, and removes what attempts that have died have written there. */
  makeRoom(): void {
    if (this.#target === undefined) return
    const folder = dirname(this.#target)
    mkdirSync(folder, { recursive: true })
    removeStagedBeside(this.#target, this.#job)
  }

  fillIn(argv: readonly string[]): string[] {
    return [...argv]
  }

  /** The output is beside the target, or it is the target itself, which a command may as well have written. */
  findProblem(): string | undefined {
    const paths = [this.written, this.#target].filter((path) => path !== undefined)
    if (paths.length === 0 || paths.some((path) => existsSync(path))) return undefined
    return `the command ended well but its output is missing: ${this.#target}`
  }

  /** Moves what was written into place. A folder is no longer there for a moment if it replaces another one. */
  publish(): void {
    const { written } = this
    if (this.#target === undefined || written === undefined || !existsSync(written)) return
    moveIntoPlace(written, this.#target, this.#job.nonce)
  }

  /** Removes what was not published. */
  remove(): void {
    if (this.written !== undefined) rmSync(this.written, { force: true, recursive: true })
  }
}
