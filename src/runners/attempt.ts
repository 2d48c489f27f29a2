import { readErrorMessage, SluiceError } from '../core/errors.ts'
import { type Mask, makeSecretMask, maskAttemptFailure, maskProgressReport } from '../core/mask.ts'
import { mustHave } from '../core/must-have.ts'
import type { Logs } from '../core/ports/looking.ts'
import type { BodyEnd, Ending, Job, JobHooks, Runner } from '../core/ports/working.ts'
import type { AttemptOutcome } from '../core/records/status.ts'
import type { Progress } from '../core/records/task-run.ts'
import { startLongTimer, type Timer } from '../core/timer.ts'
import { type AttemptExit, decideAttemptEnding, makeFailureEnding, makeStoppedEnding } from './attempt-end.ts'
import { AttemptOutput } from './attempt-output.ts'

/*
 * One life of an attempt, whatever runs it: prepare, open the log, start, ask to stop, kill, publish, decide the ending.
 * A kind of runner only starts something and tells how that ended.
 *
 * The worker tells the attempt to stop (`hooks.stop`, whose reason is an outcome), and how long its lease lasts; the clock
 * tells it that the timeout is over; the kind tells it lines, progress and the exit; the body asks it whether it may publish.
 *
 * 1. The first reason to stop counts; a later one never replaces it. A lost lease kills at once, also when another reason was first.
 * 2. What was asked to stop is killed when its grace is over. An attempt that is asked to stop before it starts never starts.
 * 3. It may publish only before it was asked to stop, or when its host stops, and only while the engine confirms the lease.
 *    It is asked once; without that consent nothing of the attempt is published, and the attempt has not succeeded.
 * 4. No line, tail, failure or progress leaves this module with a secret in it.
 * 5. The clock stands still from the exit on: to publish, or to plan what was yielded, is not charged to the body.
 */

/** What a kind of runner has started for an attempt. */
export interface AttemptHandle {
  /** Resolves when it has ended and its last line was given; never rejects. */
  exit: Promise<AttemptExit>
  /** Asks it to stop. */
  stop(reason: AttemptOutcome): void
  /** Ends it at once with all that it has started, as far as the kind can. */
  kill(): void
  /** Its lease lasts for so long from now on; then it has to be dead, also if this process cannot act. */
  extendLease(leaseMs: number): void
  /** Completes an end that was reported: publishes, or finds what was yielded. Never rejects for what user code did. */
  conclude(end: BodyEnd): Promise<Ending>
  /** Frees what was held for the attempt; called once, last. */
  release(): void
}

/** One way to run attempts. */
export interface AttemptKind<P extends PreparedJob> {
  /** Gathers what the attempt is given; what it throws fails the attempt before it starts. */
  prepare(job: Job): Promise<P>
  /** Starts it; what it throws is why nothing could be started, which is tried again later. */
  start(attempt: Attempt, prepared: P): Promise<AttemptHandle>
}

/** What an attempt is given, of which its life needs the secrets. */
export interface PreparedJob {
  secrets: Record<string, string>
  /** Values that are secret without reaching what runs, such as those of the build of its image. @default none */
  masked?: readonly string[]
}

/** What all kinds share. */
export interface AttemptOptions {
  logs: Logs
  /** How long what was asked to stop may take to do so. */
  graceMs: number
}

/** What took longer than its timeout gets little more. */
const TIMEOUT_GRACE_MS = 2_000
const NOT_CONFIRMED = 'the attempt could not publish, because its lease could not be confirmed'
const NO_LONGER_ALLOWED = 'the attempt is no longer allowed to publish: its lease ended or it was stopped'

/** Runs attempts of one kind, any number at once. */
export function makeAttemptRunner<P extends PreparedJob>(
  kind: AttemptKind<P>,
  options: AttemptOptions,
): Pick<Runner, 'run' | 'extendLease'> {
  const running = new Map<string, Attempt>()
  return {
    run(job, hooks) {
      const attempt = new Attempt(job, hooks, options)
      running.set(job.nonce, attempt)
      return attempt.run(kind).finally(() => running.delete(job.nonce))
    },
    extendLease: (nonce, leaseMs) => running.get(nonce)?.extendLease(leaseMs),
  }
}

/** One attempt from its claim to its ending, as the kind that runs it sees it. */
export class Attempt {
  readonly job: Job
  readonly output: AttemptOutput
  readonly #hooks: JobHooks
  readonly #graceMs: number
  #mask: Mask = (text) => text
  #handle: AttemptHandle | undefined
  #hasExited = false
  #reason: AttemptOutcome | undefined
  /** Made when it is asked for: most bodies do not listen. */
  #stop: AbortController | undefined
  #consent: Promise<boolean> | undefined
  #refusal: string | undefined
  #timeout: Timer | undefined
  #kill: Timer | undefined
  /** By the monotonic clock. */
  #leaseUntil: number

  constructor(job: Job, hooks: JobHooks, { logs, graceMs }: AttemptOptions) {
    this.job = job
    this.#hooks = hooks
    this.#graceMs = graceMs
    this.#leaseUntil = performance.now() + job.leaseMs
    const log = logs.open({ run: job.run, number: job.task.number, attempt: job.attempt })
    this.output = new AttemptOutput(
      log,
      (text) => this.#mask(text),
      () => this.#handle?.kill(),
    )
  }

  /** Why it was asked to stop; undefined while nothing has asked. */
  get reason(): AttemptOutcome | undefined {
    return this.#reason
  }

  /** Aborted when it is asked to stop, with the outcome as its reason. */
  get signal(): AbortSignal {
    this.#stop ??= new AbortController()
    if (this.#reason !== undefined) this.#stop.abort(this.#reason)
    return this.#stop.signal
  }

  /** How long its lease lasts from now on, in milliseconds; 0 if it has ended. */
  leaseLeftMs(): number {
    return Math.max(0, this.#leaseUntil - performance.now())
  }

  extendLease(leaseMs: number): void {
    this.#leaseUntil = performance.now() + leaseMs
    this.#handle?.extendLease(leaseMs)
  }

  onProgress(progress: Progress): void {
    this.#hooks.onProgress(maskProgressReport(progress, this.#mask))
  }

  reserve(...[budget, amount]: Parameters<JobHooks['reserve']>): ReturnType<JobHooks['reserve']> {
    return this.#hooks.reserve(budget, amount)
  }

  block(...[budget, until]: Parameters<JobHooks['block']>): ReturnType<JobHooks['block']> {
    return this.#hooks.block(budget, until)
  }

  /** Whether its outputs may be moved into place; the answer is the same however often it is asked. */
  mayPublish(): Promise<boolean> {
    this.#consent ??= this.#askToPublish()
    return this.#consent
  }

  /** Lives the life; rejects only if the state or the log cannot be written. */
  async run<P extends PreparedJob>(kind: AttemptKind<P>): Promise<Ending> {
    const ending = await this.#run(kind)
    if (ending.failure !== undefined) this.output.writeEnd(ending.failure)
    return ending
  }

  async #run<P extends PreparedJob>(kind: AttemptKind<P>): Promise<Ending> {
    const prepared = await kind.prepare(this.job).catch(wrapThrown)
    if (prepared instanceof Error) return makeUnpreparedEnding(prepared)
    this.#mask = makeSecretMask([...Object.values(prepared.secrets), ...(prepared.masked ?? [])])
    const { stop } = this.#hooks
    stop.onStop((reason) => this.#askToStop(reason))
    try {
      return await this.#live(kind, prepared)
    } finally {
      stop.onStop(undefined)
      this.#stopClock()
      this.#handle?.release()
    }
  }

  async #live<P extends PreparedJob>(kind: AttemptKind<P>, prepared: P): Promise<Ending> {
    if (this.#reason !== undefined) return makeStoppedEnding(this.#reason, this.job)
    const exit = await this.#execute(kind, prepared)
    this.#hasExited = true
    this.#stopClock()
    this.output.close()
    const ended = exit.is === 'reported' ? { is: exit.is, ending: await this.#conclude(exit.end) } : exit
    const ending = decideAttemptEnding(ended, { reason: this.#reason, refusal: this.#refusal }, this.job)
    const { peakMemoryBytes, cpuSeconds, image, told } = exit
    const times = ending.times ?? exit.times
    const cleanUp = 'ending' in ended ? ended.ending.cleanUp : undefined
    return {
      ...told,
      ...this.#masked(ending),
      ...(peakMemoryBytes === undefined ? {} : { peakMemoryBytes }),
      ...(cpuSeconds === undefined ? {} : { cpuSeconds }),
      ...(image === undefined ? {} : { image }),
      ...(times === undefined ? {} : { times }),
      ...(cleanUp === undefined ? {} : { cleanUp }),
      ...(ending.outcome === 'succeeded' ? {} : { tail: this.output.tail() }),
    }
  }

  async #execute<P extends PreparedJob>(kind: AttemptKind<P>, prepared: P): Promise<AttemptExit> {
    try {
      this.#handle = await kind.start(this, prepared)
    } catch (error) {
      return this.#explainStart(error)
    }
    const { timeoutMs } = this.job.task.policy
    if (timeoutMs !== undefined) this.#timeout = startLongTimer(timeoutMs, () => this.#askToStop('timed_out'))
    if (this.#reason !== undefined) this.#end(this.#handle, this.#reason)
    if (this.output.isBroken) this.#handle.kill()
    return this.#handle.exit
  }

  /** If the attempt was asked to stop meanwhile, that is why it ended. An error that the user has to correct is final. */
  #explainStart(error: unknown): AttemptExit {
    const message = readErrorMessage(error)
    if (this.#reason !== undefined) return { is: 'died', failure: { outcome: 'failed', message } }
    if (error instanceof SluiceError && error.source === 'user') {
      const { hint } = error
      const told = hint === undefined ? message : `${message}\n${hint}`
      return { is: 'died', failure: { outcome: 'failed', message: told }, isFinal: true }
    }
    return { is: 'not-started', message }
  }

  #askToStop(reason: AttemptOutcome): void {
    const isFirst = this.#reason === undefined
    this.#reason ??= reason
    if (isFirst) this.#stop?.abort(reason)
    if (this.#handle === undefined || this.#hasExited) return
    if (isFirst || reason === 'lost') this.#end(this.#handle, reason)
  }

  #end(handle: AttemptHandle, reason: AttemptOutcome): void {
    if (reason === 'lost') {
      handle.kill()
      return
    }
    handle.stop(reason)
    const graceMs = reason === 'timed_out' ? Math.min(this.#graceMs, TIMEOUT_GRACE_MS) : this.#graceMs
    this.#kill = startLongTimer(graceMs, () => handle.kill())
  }

  #stopClock(): void {
    this.#timeout?.cancel()
    this.#kill?.cancel()
  }

  #conclude(end: BodyEnd): Promise<Ending> {
    return mustHave(this.#handle, 'handle of a body that has ended').conclude(end)
  }

  async #askToPublish(): Promise<boolean> {
    if (this.#reason === undefined || this.#reason === 'interrupted') {
      const answer = await this.#hooks.mayPublish().catch(wrapThrown)
      if (answer === true) return true
      if (answer instanceof Error) this.#refusal = `${NOT_CONFIRMED}: ${answer.message}`
    }
    this.#refusal ??= NO_LONGER_ALLOWED
    return false
  }

  #masked(ending: Ending): Ending {
    const { failure } = ending
    return failure === undefined ? ending : { ...ending, failure: maskAttemptFailure(failure, this.#mask) }
  }
}

const wrapThrown = (error: unknown) => (error instanceof Error ? error : new Error(String(error)))

/** A secret that is not set is not there at the next attempt either. */
function makeUnpreparedEnding(error: Error): Ending {
  const isFinal = error instanceof SluiceError && error.source === 'user'
  return { ...makeFailureEnding('failed', readErrorMessage(error)), ...(isFinal ? { isFinal } : {}) }
}
