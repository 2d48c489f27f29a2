import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rm } from 'node:fs'
import { join } from 'node:path'
import type { Duplex, Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import type { BodyJob } from '../../body/body-job.ts'
import { LineSplitter } from '../../core/line-splitter.ts'
import type { UncutLine } from '../../core/mask.ts'
import type { LogLine } from '../../core/ports/looking.ts'
import type { UncutLogLine } from '../attempt-output.ts'
import { killProcessGroup } from '../os/kill-group.ts'
import { listCompileCacheVariables, removeSecretVariables } from '../os/own-process.ts'
import { CHANNEL_FD, openChannel } from './channel.ts'
import { type FromChild, makeEndMark, parseChildRecord, splitIntoPieces, type ToChild } from './protocol.ts'
import type { Supervises } from './supervision.ts'

/** A body may have closed its streams; then their end is not told. So after this time without output they count as read. */
const SILENCE_MS = 2_000
/** Output that is not the body's own may never end. */
const MOST_DRAIN_MS = 10 * 60_000

/** How a child is started. */
export interface ChildOptions {
  /** The module that the child runs, which speaks {@link FromChild} and {@link ToChild}; flags of Node and variables for it. */
  entry: { module: string; flags?: string[]; env?: NodeJS.ProcessEnv }
  args: string[]
  memoryMb?: number
  /** Keeps the child to its leases. */
  supervision: Supervises
  /** Where it gets a fresh folder of its own, as working folder and `TMPDIR`; removed after it. @default those of this process */
  scratch?: string
}

/** How an attempt ended in a child: its last word, or the death of the process. */
export type ChildEnd =
  | { is: 'done'; message: FromChild & { type: 'done' } }
  | ({ is: 'died' } & ChildDeath)
  | { is: 'not-started'; message: string }

/** How a process ended before its attempt. */
export interface ChildDeath {
  exitCode: number | null
  signal: string | null
  isOutOfMemory: boolean
  /** An attempt that was over has ended it, and how. */
  stray?: string
  /** The lease of its attempt had ended by then. */
  isOverdue: boolean
}

/** What is told while an attempt runs in a child. */
export interface ChildEvents {
  onLines(lines: UncutLogLine[]): void
  onMessage(message: FromChild): void
}

/** One process that runs attempts of one run, one after the other. */
export class Child {
  /** The run that it serves, from its first attempt on. */
  run: string | undefined
  readonly memoryMb: number | undefined
  readonly #process: ChildProcess
  readonly #channel: ((message: ToChild) => void) | undefined
  readonly #supervision: Supervises
  readonly #folder: string | undefined
  readonly #closed: Promise<ChildEnd>
  #events: ChildEvents | undefined
  #ending: string | undefined
  #ended = { stdout: () => {}, stderr: () => {} }
  #isOutOfMemory = false
  #isAlive = true
  readonly startingAt = Date.now()
  #readyAt: number | undefined
  /** Characters of output. */
  #received = 0
  #stray: string | undefined
  /** By the monotonic clock. */
  #leaseUntil = Number.POSITIVE_INFINITY
  #isOverdue = false

  constructor(options: ChildOptions) {
    this.memoryMb = options.memoryMb
    this.#supervision = options.supervision
    const limit = options.memoryMb === undefined ? [] : [`--max-old-space-size=${options.memoryMb}`]
    this.#folder = options.scratch && mkdtempSync(join(options.scratch, 'sluice-task-'))
    const { module, flags = [], env = {} } = options.entry
    this.#process = spawn(process.execPath, [...limit, ...flags, module, ...options.args], {
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
      env: {
        ...env,
        ...removeSecretVariables(process.env),
        ...listCompileCacheVariables(),
        ...(this.#folder && { TMPDIR: this.#folder }),
      },
      ...(this.#folder && { cwd: this.#folder }),
      // A group of its own: Ctrl-C reaches only us, and a kill reaches what the body has started.
      detached: true,
    })
    this.#closed = this.#whenClosed()
    this.#listen('stdout')
    this.#listen('stderr')
    this.#channel = this.#openChannel()
    this.extendLease(undefined)
  }

  /** When it could run its first body, by the wall clock. */
  get readyAt(): number | undefined {
    return this.#readyAt
  }

  get isAlive(): boolean {
    return this.#isAlive
  }

  /** Loads what its next job will need. */
  prepare(modules: string[]): void {
    this.send({ type: 'load', modules })
  }

  /** Runs one attempt; resolves when its last line has been told. */
  async execute(job: BodyJob, modules: string[], leaseMs: number, events: ChildEvents): Promise<ChildEnd> {
    this.run = job.run
    this.#ending = makeEndMark(job.writer)
    const done = Promise.withResolvers<ChildEnd>()
    const onMessage = (message: FromChild) =>
      message.type === 'done' ? done.resolve({ is: 'done', message }) : events.onMessage(message)
    this.#events = { ...events, onMessage }
    const drained = Promise.all([this.#untilEnd('stdout'), this.#untilEnd('stderr')])
    this.extendLease(leaseMs)
    this.send({ type: 'job', job, modules })
    const end = await Promise.race([done.promise, this.#closed])
    if (end.is === 'done') await this.#readRest(Promise.race([drained, this.#closed]))
    this.extendLease(undefined)
    this.#events = undefined
    return end
  }

  send(message: ToChild): void {
    this.#channel?.(message)
  }

  /** Tells how long the lease of its attempt lasts from now on; undefined: the attempt has ended. */
  extendLease(leaseMs: number | undefined): void {
    const { pid } = this.#process
    const now = performance.now()
    // The supervisor does not wait for a heartbeat that comes late.
    this.#isOverdue = leaseMs !== undefined && (this.#isOverdue || now >= this.#leaseUntil)
    this.#leaseUntil = now + (leaseMs ?? Number.POSITIVE_INFINITY)
    if (this.#isAlive && pid !== undefined) this.#supervision.watch(pid, leaseMs)
  }

  /** Kills the process and what it has started in its group. */
  kill(): void {
    if (this.#isAlive) killProcessGroup(this.#process.pid)
  }

  /** A body that does not wait until its output is written may have said its last word long before. */
  async #readRest(end: Promise<unknown>): Promise<void> {
    const until = performance.now() + MOST_DRAIN_MS
    const isRead = end.then(() => true)
    for (let before = -1; before < this.#received && performance.now() < until; ) {
      before = this.#received
      if (await Promise.race([isRead, sleep(SILENCE_MS, false, { ref: false })])) return
    }
  }

  #openChannel(): ((message: ToChild) => void) | undefined {
    const stream = this.#process.stdio[CHANNEL_FD] as Duplex | undefined
    // As those of output.
    if (stream === undefined) return
    return openChannel<FromChild, ToChild>(stream, (message) => {
      if (message.type === 'ready') this.#readyAt = Date.now()
      else this.#events?.onMessage(message)
    })
  }

  #untilEnd(stream: 'stdout' | 'stderr'): Promise<void> {
    return new Promise((resolve) => {
      this.#ended[stream] = resolve
    })
  }

  #listen(name: 'stdout' | 'stderr'): void {
    const level = name === 'stdout' ? 'info' : 'error'
    const stream = this.#process[name] as Readable | undefined
    // Without a file descriptor for it there is no stream.
    if (stream === undefined) return
    const splitter = new LineSplitter()
    const give = (whole: UncutLine[]) => {
      const pieces = whole.flatMap(splitIntoPieces)
      const lines = pieces.flatMap((piece) => this.#lineOf(piece, level))
      if (lines.length > 0) this.#events?.onLines(lines)
      if (pieces.some(({ text }) => text === this.#ending)) this.#ended[name]()
    }
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      this.#received += chunk.length
      give(splitter.push(chunk))
    })
    stream.on('end', () => give(splitter.end()))
  }

  /** Nothing for what the process tells us of itself. */
  #lineOf(piece: UncutLine, level: LogLine['level']): UncutLogLine[] {
    if (piece.text === this.#ending) return []
    if (piece.text.includes('JavaScript heap out of memory')) this.#isOutOfMemory = true
    const record = parseChildRecord(piece.text)
    if (record === undefined) return [{ at: Date.now(), level, ...piece }]
    if (!('stray' in record)) return [{ at: Date.now(), ...record }]
    this.#stray = record.stray
    return []
  }

  #whenClosed(): Promise<ChildEnd> {
    return new Promise((resolve) => {
      this.#process.on('error', (error) => {
        if (this.#process.pid !== undefined) return
        this.#isAlive = false
        resolve({ is: 'not-started', message: error.message })
      })
      this.#process.on('close', (exitCode, signal) => {
        this.#isAlive = false
        if (this.#folder !== undefined) rm(this.#folder, { recursive: true, force: true }, () => {})
        if (this.#process.pid !== undefined) this.#supervision.over(this.#process.pid)
        resolve(
          this.#readyAt !== undefined ? this.#death(exitCode, signal) : makeNeverReadyEnd(exitCode, signal),
        )
      })
    })
  }

  #death(exitCode: number | null, signal: string | null): ChildEnd {
    return {
      is: 'died',
      exitCode,
      signal,
      isOutOfMemory: this.#isOutOfMemory,
      isOverdue: this.#isOverdue || performance.now() >= this.#leaseUntil,
      ...(this.#stray !== undefined && { stray: this.#stray }),
    }
  }
}

const makeNeverReadyEnd = (exitCode: number | null, signal: string | null): ChildEnd => ({
  is: 'not-started',
  message: `it ended at its start, ${signal === null ? `with code ${exitCode}` : `by ${signal}`}`,
})
