import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { StringDecoder } from 'node:string_decoder'
import { z } from 'zod'
import type { Json } from '../../core/json.ts'
import type { Progress } from '../../core/records/task-run.ts'

/** One line of the file of events. */
const EVENT = z.strictObject({
  progress: z
    .strictObject({ done: z.number(), total: z.number().optional(), text: z.string().max(200).optional() })
    .optional(),
  checkpoint: z.json().optional(),
  spent: z.record(z.string(), z.number().min(0)).optional(),
  result: z.json().optional(),
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
}

/** Read at most so much in one look; more is read at the next one. */
const CHUNK_BYTES = 256 * 1024
/** A longer line is no event. */
const MAX_LINE = 64 * 1024
/** So many wrong lines are told; a program that writes something else there is not to fill the log. */
const MAX_TOLD = 5

/** Follows the file of JSON Lines in which a program says what it does. */
export class ContainerEvents {
  readonly #path: string
  readonly #onProblem: (text: string) => void
  readonly told: ToldByProgram = {}
  #offset = 0
  readonly #decoder = new StringDecoder('utf8')
  #rest = ''
  #line = 0
  #problems = 0

  /** `onProblem` takes a sentence for a line that cannot be used. */
  constructor(path: string, onProblem: (text: string) => void) {
    this.#path = path
    this.#onProblem = onProblem
  }

  /** Reads what has been written since the last look; true if the program has told progress. */
  read(): boolean {
    const before = this.told.progress
    for (let text = this.#readMore(); text !== ''; text = this.#readMore()) {
      const lines = `${this.#rest}${text}`.split('\n')
      this.#rest = (lines.pop() ?? '').slice(0, MAX_LINE)
      for (const line of lines) this.#take(line)
    }
    return this.told.progress !== before
  }

  /** Takes a last line without an end as well. */
  close(): void {
    this.read()
    if (this.#rest !== '') this.#take(this.#rest)
    this.#rest = ''
  }

  /** The program may have put a link in the place of the file, which would lead to a file of this machine. */
  #readMore(): string {
    let file: number
    try {
      file = openSync(this.#path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    } catch {
      return ''
    }
    try {
      const { size } = fstatSync(file)
      if (!fstatSync(file).isFile() || size <= this.#offset) return ''
      const buffer = Buffer.alloc(Math.min(CHUNK_BYTES, size - this.#offset))
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
      this.#problems++
      if (this.#problems <= MAX_TOLD)
        this.#onProblem(`line ${this.#line} of SLUICE_EVENTS was left out: ${event}`)
      return
    }
    const { progress, checkpoint, spent = {}, result } = event
    if (progress !== undefined) {
      const { done, total, text } = progress
      this.told.progress = {
        done,
        ...(total === undefined ? {} : { total }),
        ...(text === undefined ? {} : { text }),
      }
    }
    if (checkpoint !== undefined) this.told.checkpoint = checkpoint
    if (result !== undefined) this.told.result = result
    for (const [name, amount] of Object.entries(spent)) {
      this.told.spent ??= {}
      this.told.spent[name] = (this.told.spent[name] ?? 0) + amount
    }
  }
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
