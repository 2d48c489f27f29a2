import { AsyncLocalStorage } from 'node:async_hooks'
import { flushCompileCache } from 'node:module'
import { Socket } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { makeBodyLog, redirectConsole } from '../body/attempt-log.ts'
import type { BodyJob } from '../body/body-job.ts'
import { executeBodyJob, type JobSurroundings } from '../body/execute-job.ts'
import { makeBodyFailure } from '../body/failure.ts'
import { listProcessChanges, type ProcessState, readProcessState } from '../body/process-state.ts'
import { readErrorMessage } from '../core/errors.ts'
import { cutLogLine } from '../core/mask.ts'
import type { BodyEnd, Reservation, Storage } from '../core/ports/working.ts'
import { loadDefinitions } from '../project/load-config.ts'
import { CHANNEL_FD, openChannel } from '../runners/process/channel.ts'
import {
  type ChildRecord,
  type FromChild,
  makeEndMark,
  type Question,
  RECORD_MARK,
  type ToChild,
} from '../runners/process/protocol.ts'
import { openStorage } from './open-storage.ts'

/**
 * Makes this process one in which bodies run, one after the other, as its parent says. The arguments of the process are: the
 * config's path, the folder or `s3:` URI of the storage, and the process number of the parent.
 */
export async function serveBodies(): Promise<void> {
  const [, , config = '', storage = '', parent = ''] = process.argv
  // It was for this process, not for what its bodies start.
  delete process.env.NODE_COMPILE_CACHE
  const server = new BodyServer({
    storage: await openStorage(storage),
    definitions: loadDefinitions(config),
    parent: Number(parent),
    sendToParent: (message) => send(message),
  })
  const channel = new Socket({ fd: CHANNEL_FD })
  const send = openChannel<ToChild, FromChild>(channel, (message) => server.handle(message))
  channel.on('close', () => process.exit(1))
  send({ type: 'ready' })
}

const recordLine = (record: ChildRecord) => `${RECORD_MARK}${JSON.stringify(record)}\n`

interface ServerOptions {
  storage: Storage
  definitions: ReturnType<typeof loadDefinitions>
  /** Process number. */
  parent: number
  sendToParent(message: FromChild): void
}

class BodyServer {
  readonly #options: ServerOptions
  readonly #log: ReturnType<typeof makeBodyLog>
  /** The attempt that code belongs to, whenever it runs; and the attempt of now. */
  readonly #owner = new AsyncLocalStorage<BodyJob>()
  #current: BodyJob | undefined
  #hasFailed = false
  /** How the last attempt left the process. */
  #last: ProcessState | undefined
  readonly #loaded = new Set<string>()
  #stop = new AbortController()
  readonly #answers = new Map<number, PromiseWithResolvers<unknown>>()
  #questions = 0

  constructor(options: ServerOptions) {
    this.#options = options
    // A config that does not load fails the job that needs it.
    options.definitions.catch(() => {})
    this.#log = makeBodyLog((level, text) => process.stdout.write(recordLine({ level, ...cutLogLine(text) })))
    redirectConsole(() => this.#log)
    process.on('uncaughtExceptionMonitor', (error) => {
      this.#hasFailed = true
      this.#tellStray(`threw ${readErrorMessage(error)}`)
    })
    process.on('exit', (code) => {
      if (!this.#hasFailed) this.#tellStray(`exited with code ${code}`)
    })
  }

  handle(message: ToChild): void {
    // What does not load fails the job that needs it.
    if (message.type === 'load') this.#load(message.modules).catch(() => {})
    if (message.type === 'job') void this.#runJob(message.job, message.modules)
    if (message.type === 'stop') this.#stop.abort(message.reason)
    if (message.type === 'answer') this.#settle(message)
  }

  async #load(modules: string[]) {
    return (await this.#options.definitions)(modules)
  }

  /** What an attempt that is over has left running ends the process: the attempt of now has no part in it. */
  #tellStray(how: string): void {
    const job = this.#owner.getStore()
    if (job === undefined || job === this.#current) return
    process.stderr.write(recordLine({ stray: `what ${job.family} had left running ${how}` }))
  }

  async #runJob(job: BodyJob, modules: string[]): Promise<void> {
    this.#stop = new AbortController()
    this.#current = job
    const before = process.cpuUsage()
    const { end, left } = await this.#owner.run(job, () => this.#attemptBody(job, modules))
    const { user, system } = process.cpuUsage(before)
    const mark = `${makeEndMark(job.writer)}\n`
    process.stdout.write(mark)
    process.stderr.write(mark)
    this.#current = undefined
    flushCompileCache()
    this.#options.sendToParent({
      type: 'done',
      end,
      peakMemoryBytes: process.resourceUsage().maxRSS * 1024,
      cpuSeconds: (user + system) / 1_000_000,
      left,
    })
  }

  async #attemptBody(job: BodyJob, modules: string[]): Promise<{ end: BodyEnd; left: string[] }> {
    try {
      const tasks = await this.#load(modules)
      // The supervisor may not have had its turn yet: another process may run this task by now.
      if (process.ppid !== this.#options.parent) process.exit(1)
      const before = this.#readStateBefore(modules)
      const end = await executeBodyJob(tasks, job, this.#makeSurroundings(job))
      // What the body has thrown without waiting for it is told in this turn, and is this attempt's.
      await nextTurn()
      this.#last = readProcessState()
      return { end, left: listProcessChanges(before, this.#last) }
    } catch (error) {
      return {
        end: { outcome: 'failed', failure: makeBodyFailure(error) },
        left: ['modules that do not load'],
      }
    }
  }

  /** A look takes 50 µs, and between two attempts only modules that load change the process. */
  #readStateBefore(modules: string[]): ProcessState {
    const isKnown = this.#loaded.has(modules.join())
    this.#loaded.add(modules.join())
    return isKnown && this.#last !== undefined ? this.#last : readProcessState()
  }

  async #ask<T>(question: Question): Promise<T> {
    const id = ++this.#questions
    const answer = Promise.withResolvers<unknown>()
    this.#answers.set(id, answer)
    this.#options.sendToParent({ type: 'question', id, question })
    return (await answer.promise) as T
  }

  #settle({ id, answer, error }: ToChild & { type: 'answer' }): void {
    if (error === undefined) this.#answers.get(id)?.resolve(answer)
    else this.#answers.get(id)?.reject(new Error(error))
    this.#answers.delete(id)
  }

  #makeSurroundings(job: BodyJob): JobSurroundings {
    const { storage } = this.#options
    return {
      surroundings: { storage, markers: { read: async (ids) => ids.map((id) => findMarker(job, id)) } },
      log: this.#log,
      getSignal: () => this.#stop.signal,
      onProgress: (progress) => this.#options.sendToParent({ type: 'progress', progress }),
      mayPublish: () => this.#ask({ ask: 'may-publish' }),
      // JSON has no undefined.
      reserve: async (budget, amount) =>
        (await this.#ask<Reservation | null>({ ask: 'reserve', budget, amount })) ?? undefined,
      block: (budget, until) => this.#ask({ ask: 'block', budget, until }),
    }
  }
}

const findMarker = (job: BodyJob, id: string) =>
  id in job.markers ? { result: job.markers[id] ?? null } : undefined
