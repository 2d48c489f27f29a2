import { makeEndLines } from '../core/end-lines.ts'
import { LineSplitter } from '../core/line-splitter.ts'
import { type Mask, maskLogLine, type UncutLine } from '../core/mask.ts'
import type { AttemptLog, LogLine } from '../core/ports/looking.ts'
import type { Failure } from '../core/records/task-run.ts'

/** The streams of what a program prints. */
export type OutputStream = 'stdout' | 'stderr'

/** A line of an attempt before it is masked and cut. */
export type UncutLogLine = Omit<LogLine, 'text'> & UncutLine

const LEVELS = { stdout: 'info', stderr: 'error' } as const

/**
 * What an attempt prints, on its way into its log. Secrets are masked in whole lines, so that none is missed because it came
 * in two pieces. A log that cannot be written (a full disk) is told once; the attempt has to end then.
 */
export class AttemptOutput {
  readonly #log: AttemptLog
  readonly #mask: Mask
  readonly #onBroken: () => void
  /** Made with the first piece: most attempts print nothing. */
  readonly #splitters = new Map<OutputStream, LineSplitter>()
  #broken: { error: unknown } | undefined

  constructor(log: AttemptLog, mask: Mask, onBroken: () => void) {
    this.#log = log
    this.#mask = mask
    this.#onBroken = onBroken
  }

  /** The log could not be written. */
  get isBroken(): boolean {
    return this.#broken !== undefined
  }

  /** Takes the next piece of a stream's text, which may end within a line. */
  push(from: OutputStream, text: string): void {
    const splitter = this.#splitters.get(from) ?? new LineSplitter()
    this.#splitters.set(from, splitter)
    this.#writePrinted(from, splitter.push(text))
  }

  /** Takes lines that are whole. */
  write(lines: UncutLogLine[]): void {
    if (lines.length === 0 || this.#broken !== undefined) return
    try {
      this.#log.write(lines.map((line) => maskLogLine(line, this.#mask)))
    } catch (error) {
      this.#broken = { error }
      this.#onBroken()
    }
  }

  /** Writes what has come after the last line end of each stream; throws if the log could not be written. */
  close(): void {
    for (const [from, splitter] of this.#splitters) this.#writePrinted(from, splitter.end())
    if (this.#broken !== undefined) throw this.#broken.error
  }

  /** Writes the error that ended the attempt, which is masked already. */
  writeEnd(failure: Failure): void {
    if (this.#broken !== undefined) return
    try {
      this.#log.write(makeEndLines(failure, Date.now()))
    } catch {
      // The record of the attempt has the error too, and `sluice logs` shows it from there.
    }
  }

  /** The last lines as they are in the log, 4 KB at most. */
  tail(): string {
    return this.#log.tail()
  }

  #writePrinted(from: OutputStream, lines: UncutLine[]): void {
    const at = Date.now()
    this.write(lines.map((line) => ({ at, level: LEVELS[from], ...line })))
  }
}
