import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { readErrorCode } from '../../core/errors.ts'
import type { Job } from '../../core/ports/working.ts'
import { makeNotesPath } from './command-mark.ts'

/*
 * The files by which a command talks with Sluice, in the folder of the state. Their names say whose they are, so that what a process
 * left that was killed is removed once its task run can have no more attempts.
 */

/** `NONCE.NUMBER.RUN`, with the end of one file or without, for a folder. */
const NAME = /^[0-9a-f-]+\.(\d+)\.(.+?)(?:\.(?:params|checkpoint)\.json|\.(?:events|requires)\.jsonl)?$/

/** The files by which the command of one attempt talks with Sluice. Only those with something in them are there. */
export class AttemptNotes {
  /** A folder of the attempt's own may be made here. */
  readonly folder: string
  readonly #job: Job
  readonly #parent: string

  constructor(state: string, job: Job) {
    this.#job = job
    this.#parent = makeNotesPath(state)
    this.folder = join(this.#parent, `${job.nonce}.${job.task.number}.${encodeURIComponent(job.run)}`)
  }

  /** Where the command says what it does, as JSON Lines. */
  get events(): string {
    return `${this.folder}.events.jsonl`
  }

  /** Where it writes the plan lines that it yields. */
  get requires(): string {
    return `${this.folder}.requires.jsonl`
  }

  /** Environment variables that name the files. */
  get variables(): { [name: string]: string } {
    return {
      SLUICE_PARAMS: this.#params,
      SLUICE_EVENTS: this.events,
      SLUICE_REQUIRES: this.requires,
      ...(this.#job.checkpoint === undefined ? {} : { SLUICE_CHECKPOINT: this.#checkpoint }),
    }
  }

  /** Writes what the command is given. Throws what the file system says. */
  write(): void {
    const { task, checkpoint } = this.#job
    this.#write(this.#params, task.params)
    if (checkpoint !== undefined) this.#write(this.#checkpoint, checkpoint)
  }

  /** The command may have made a folder in the place of a file. */
  remove(): void {
    for (const path of Object.values(this.variables)) rmSync(path, { force: true, recursive: true })
  }

  get #params(): string {
    return `${this.folder}.params.json`
  }

  get #checkpoint(): string {
    return `${this.folder}.checkpoint.json`
  }

  /** The folder is there from the first attempt on. */
  #write(path: string, value: unknown): void {
    try {
      writeFileSync(path, JSON.stringify(value))
    } catch (error) {
      if (readErrorCode(error) !== 'ENOENT') throw error
      mkdirSync(this.#parent, { recursive: true })
      writeFileSync(path, JSON.stringify(value))
    }
  }
}

/** Removes the files of attempts that were killed with their engine, if their task run can have no more attempts. */
export async function removeAbandonedNotes(
  state: string,
  isOpen: (run: string, number: number) => Promise<boolean>,
): Promise<void> {
  const folder = makeNotesPath(state)
  let names: string[] = []
  try {
    names = readdirSync(folder)
  } catch (error) {
    // No command has run on this state.
    if (readErrorCode(error) !== 'ENOENT') throw error
  }
  for (const name of names) {
    const [, number, run] = NAME.exec(name) ?? []
    if (run !== undefined && !(await isOpen(decodeURIComponent(run), Number(number))))
      rmSync(join(folder, name), { recursive: true, force: true })
  }
}
