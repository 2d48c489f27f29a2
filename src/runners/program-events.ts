import { closeSync, constants, existsSync, fstatSync, openSync, readSync } from 'node:fs'
import { StringDecoder } from 'node:string_decoder'
import { z } from 'zod'
import { describeSecretLeak, findSecretInText } from '../core/find-secret.ts'
import { CHECKPOINT_MAX_BYTES, type Json } from '../core/json.ts'
import type { PlannedTask } from '../core/plan.ts'
import type { Progress } from '../core/records/task-run.ts'

/** One line of the file of events. */
const EVENT = z.strictObject({
  progress: z
    .strictObject({ done: z.number(), total: z.number().optional(), text: z.string().max(200).optional() })
    .optional(),
  checkpoint: z.json().optional(),
  spent: z.record(z.string(), z.number().min(0)).optional(),
  result: z.json().optional(),
  failure: z.strictObject({ message: z.string(), stack: z.string().optional() }).optional(),
})

/** What the program has said of itself so far. */
export interface ToldByProgram {
  progress?: Progress
  /** For the next attempt. */
  checkpoint?: Json
  /** Of budgets, added up. */
  spent?: { [name: string]: number }
  /** For the marker of a task without output. */
  result?: Json
  /** Why it is about to end with an exit code that is not 0. */
  failure?: { message: string; stack?: string | undefined }
}

/** How often the file is looked at while it is followed. */
const FOLLOW_MS = 500
/** Read at most so much in one look; more is read at the next one. */
const CHUNK_BYTES = 256 * 1024
/** Looks at once, so that a program that writes without end does not hold up everything else. */
const MAX_CHUNKS = 16
/** What comes after so many bytes is left out. */
const MAX_BYTES = 64 * 1024 * 1024
/** A longer line is no event. */
const MAX_LINE = 64 * 1024
/** So many wrong lines are told; a program that writes something else there is not to fill the log. */
const MAX_TOLD = 5

/** Follows the file of JSON Lines in which a program says what it does. */
export class ProgramEvents {
  readonly #path: string
  readonly #secrets: { readonly [name: string]: string }
  readonly #onProblem: (text: string) => void
  readonly told: ToldByProgram = {}
  #offset = 0
  readonly #decoder = new StringDecoder('utf8')
  #rest = ''
  #line = 0
  #problems = 0
  #following: NodeJS.Timeout | undefined
  #onProgress: (progress: Progress) => void = () => {}

  /** `onProblem` takes a sentence for a line that cannot be used. A checkpoint that holds one of the secrets is left out. */
  constructor(path: string, secrets: { readonly [name: string]: string }, onProblem: (text: string) => void) {
    this.#path = path
    this.#secrets = secrets
    this.#onProblem = onProblem
  }

  /** Reads the file again and again, and tells progress, until it is left or ended. */
  follow(onProgress: (progress: Progress) => void): void {
    this.#onProgress = onProgress
    this.#following = setInterval(() => {
      if (this.read()) this.#tellProgress()
    }, FOLLOW_MS)
  }

  /** Follows the file no longer. */
  leave(): void {
    clearInterval(this.#following)
  }

  /** Reads the rest when the program has ended; returns what it has told for the next attempt and for budgets. */
  end(): Pick<ToldByProgram, 'checkpoint' | 'spent'> {
    this.leave()
    this.close()
    this.#tellProgress()
    const { checkpoint, spent } = this.told
    return {
      ...(checkpoint === undefined ? {} : { checkpoint }),
      ...(spent === undefined ? {} : { spent }),
    }
  }

  #tellProgress(): void {
    if (this.told.progress !== undefined) this.#onProgress(this.told.progress)
  }

  /** Reads what has been written since the last look; true if the program has told progress. */
  read(): boolean {
    const before = this.told.progress
    for (let chunks = 0; chunks < MAX_CHUNKS && this.#readChunk(); chunks++);
    return this.told.progress !== before
  }

  /** Takes a last line without an end as well. */
  close(): void {
    while (this.#readChunk());
    if (this.#rest !== '') this.#take(this.#rest)
    this.#rest = ''
  }

  /** Takes the next lines; false if there are none. */
  #readChunk(): boolean {
    const text = this.#readMore()
    const lines = `${this.#rest}${text}`.split('\n')
    this.#rest = (lines.pop() ?? '').slice(0, MAX_LINE)
    for (const line of lines) this.#take(line)
    return text !== ''
  }

  /** The program may have put a link in the place of the file, which would lead to a file of this machine. */
  #readMore(): string {
    // Most programs write none, and an error for each would cost more than the look.
    if (!existsSync(this.#path)) return ''
    let file: number
    try {
      file = openSync(this.#path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    } catch {
      return ''
    }
    try {
      const { size } = fstatSync(file)
      const end = Math.min(size, MAX_BYTES)
      if (!fstatSync(file).isFile() || end <= this.#offset) return ''
      if (end === MAX_BYTES && this.#offset + CHUNK_BYTES >= end)
        this.#onProblem(`SLUICE_EVENTS has more than ${MAX_BYTES} bytes; the rest was left out`)
      const buffer = Buffer.alloc(Math.min(CHUNK_BYTES, end - this.#offset))
      const length = readSync(file, buffer, 0, buffer.length, this.#offset)
      this.#offset += length
      return this.#decoder.write(buffer.subarray(0, length))
    } finally {
      closeSync(file)
    }
  }

  #take(line: string): void {
    this.#line++
    if (line.trim() === '') return
    const event = parseEvent(line)
    if (typeof event === 'string') {
      this.#tellProblem(event)
      return
    }
    const { progress, checkpoint, spent = {}, result, failure } = event
    if (progress !== undefined) {
      const { done, total, text } = progress
      this.told.progress = {
        done,
        ...(total === undefined ? {} : { total }),
        ...(text === undefined ? {} : { text }),
      }
    }
    if (checkpoint !== undefined) {
      const problem = findKeepingProblem('the checkpoint', checkpoint, CHECKPOINT_MAX_BYTES, this.#secrets)
      if (problem === undefined) this.told.checkpoint = checkpoint
      else this.#tellProblem(problem)
    }
    if (result !== undefined) this.told.result = result
    if (failure !== undefined) this.told.failure = failure
    for (const [name, amount] of Object.entries(spent)) {
      this.told.spent ??= {}
      this.told.spent[name] = (this.told.spent[name] ?? 0) + amount
    }
  }

  #tellProblem(problem: string): void {
    this.#problems++
    if (this.#problems <= MAX_TOLD)
      this.#onProblem(`line ${this.#line} of SLUICE_EVENTS was left out: ${problem}`)
  }
}

/** Why exit code 0 is no success: code of a task of Luigi may end its process before the task has done anything. */
export const findUnprovenEnd = (
  { command }: Pick<PlannedTask, 'command'>,
  { result }: Pick<ToldByProgram, 'result'>,
): string | undefined =>
  command?.luigi !== undefined && result === undefined
    ? 'its process ended with exit code 0 before `run()` had ended'
    : undefined

/** Why a value cannot be kept in a record; undefined if it can. */
export function findKeepingProblem(
  what: string,
  value: Json,
  maxBytes: number,
  secrets: { readonly [name: string]: string },
): string | undefined {
  const text = JSON.stringify(value)
  const secret = findSecretInText(text, secrets)
  if (secret !== undefined) return describeSecretLeak(what, secret)
  const bytes = Buffer.byteLength(text)
  return bytes <= maxBytes ? undefined : `${what} has ${bytes} bytes; it holds up to ${maxBytes}`
}

function parseEvent(line: string): z.output<typeof EVENT> | string {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    return 'it is no JSON'
  }
  const parsed = EVENT.safeParse(value)
  return parsed.success ? parsed.data : z.prettifyError(parsed.error).replaceAll('\n', ' ')
}
