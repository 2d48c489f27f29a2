import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { messageOf, SluiceError } from '../../core/errors.ts'
import { findSecret, holdsSecret } from '../../core/find-secret.ts'
import { type Mask, maskedFailure, maskedLogLine, maskOf, type UncutLine } from '../../core/mask.ts'
import type { AttemptOutcome } from '../../core/model.ts'
import type { Command } from '../../core/plan.ts'
import type { AttemptLog, Ending, Job, JobHooks, Logs, Runner } from '../../core/ports.ts'
import { startTimer, type Timer } from '../../core/timer.ts'
import { killedFromOutside } from '../os/killed.ts'
import { CommandHosts, type Hosted } from './command-hosts.ts'
import type { CommandEnd, HostedCommand, OutputStream } from './command-protocol.ts'

/** What the runner is composed of. */
export interface CommandRunnerOptions {
  /** Path of the state folder: by it and its run a command's attempts are known. */
  state: string
  logs: Logs
  /** Values of secrets by environment variable. */
  secrets(job: Job): Promise<Record<string, string>>
  /** What a command wrote into the file of its dynamic dependencies. */
  readYield(path: string, job: Job): Promise<NonNullable<Ending['yielded']>>
  graceMs: number
}

// Exit codes of sysexits.h: EX_TEMPFAIL and EX_CONFIG, the latter with a meaning of our own (docs/plans.md).
const TRY_AGAIN = 75
const YIELDS = 78
const TIMEOUT_GRACE_MS = 2_000
const YIELDS_FOLDER = tmpdir()

/** Runs commands of plans as plain subprocesses. */
export function commandRunner(options: CommandRunnerOptions): Runner {
  const hosts = new CommandHosts()
  const busy = new Map<string, Running>()
  return {
    async run(job, hooks) {
      let secrets: Record<string, string>
      try {
        secrets = await options.secrets(job)
      } catch (error) {
        // A secret that is not set is not there at the next attempt either.
        const isFinal = error instanceof SluiceError && error.source === 'user'
        return { ...failed('failed', messageOf(error)), ...(isFinal ? { isFinal } : {}) }
      }
      const mask = maskOf(Object.values(secrets))
      const running = new Running(job, hooks, options, secrets, mask)
      busy.set(job.nonce, running)
      const ending = await running.end(hosts)
      busy.delete(job.nonce)
      return ending.failure === undefined
        ? ending
        : { ...ending, failure: maskedFailure(ending.failure, mask) }
    },
    beat: (nonce, leaseMs) => busy.get(nonce)?.beat(leaseMs),
    close: async () => hosts.close(),
  }
}

const failed = (outcome: AttemptOutcome, message: string): Ending => ({
  outcome,
  failure: { outcome, message },
})

/** What is written beside a target: `.NAME.<nonce>-<n>.tmp`. */
const STAGED_END = /^[^.]+\.tmp$/

/** Makes the target's folder, and removes what attempts that have died have written there. */
function makeRoom(target: string, { attempt, replaces }: Job): void {
  const folder = dirname(target)
  mkdirSync(folder, { recursive: true })
  if (attempt === 1 && !replaces) return
  const start = `.${basename(target)}.`
  for (const name of readdirSync(folder))
    if (name.startsWith(start) && STAGED_END.test(name.slice(start.length)))
      rmSync(join(folder, name), { force: true, recursive: true })
}

/** One command on its way. */
class Running {
  readonly #job: Job
  readonly #hooks: JobHooks
  readonly #options: CommandRunnerOptions
  readonly #log: AttemptLog
  readonly #target: string | undefined
  readonly #written: string | undefined
  readonly #yields: string
  readonly #secrets: Record<string, string>
  readonly #mask: Mask
  #hosted: Hosted | undefined
  #reason: AttemptOutcome | undefined
  #kill: Timer | undefined
  #broken: unknown

  constructor(
    job: Job,
    hooks: JobHooks,
    options: CommandRunnerOptions,
    secrets: Record<string, string>,
    mask: Mask,
  ) {
    this.#job = job
    this.#hooks = hooks
    this.#options = options
    this.#secrets = secrets
    this.#mask = mask
    this.#log = options.logs.open({ run: job.run, number: job.task.number, attempt: job.attempt })
    const [uri] = job.task.outputs
    this.#target = uri === undefined ? undefined : fileURLToPath(uri)
    this.#written =
      this.#target && join(dirname(this.#target), `.${basename(this.#target)}.${job.nonce}-0.tmp`)
    this.#yields = join(YIELDS_FOLDER, `sluice-${job.nonce}.jsonl`)
  }

  async end(hosts: CommandHosts): Promise<Ending> {
    const onAbort = () => this.#stop(this.#hooks.signal.reason as AttemptOutcome)
    this.#hooks.signal.addEventListener('abort', onAbort)
    const { timeoutMs } = this.#job.task.policy
    const timeout = timeoutMs === undefined ? undefined : startTimer(timeoutMs, () => this.#stop('timed_out'))
    try {
      const end = await this.#execute(hosts)
      this.#reason ??= end.reason
      const ending = await this.#ending(end)
      const { peakMemoryBytes } = end
      return {
        ...ending,
        ...(peakMemoryBytes === undefined ? {} : { peakMemoryBytes }),
        ...(ending.outcome === 'succeeded' ? {} : { tail: this.#log.tail() }),
      }
    } finally {
      this.#hooks.signal.removeEventListener('abort', onAbort)
      timeout?.cancel()
      this.#kill?.cancel()
      if (this.#written !== undefined) rmSync(this.#written, { force: true, recursive: true })
      rmSync(this.#yields, { force: true })
    }
  }

  /** A worker that does not extend its lease loses the command before another may start it. */
  beat(leaseMs: number): void {
    this.#hosted?.beat(leaseMs)
  }

  async #execute(hosts: CommandHosts): Promise<CommandEnd> {
    const { argv, folder } = this.#job.task.command as Command
    if (this.#target !== undefined) makeRoom(this.#target, this.#job)
    if (this.#hooks.signal.aborted) return { code: null, signal: null }
    const { leaseMs, memoryMb } = this.#job
    const command = { argv, folder, env: this.#environment(), leaseMs, ...(memoryMb && { memoryMb }) }
    this.#hosted = hosts.run(command, (from, lines) => this.#keep(from, lines))
    return this.#hosted.end
  }

  #environment(): HostedCommand['env'] {
    const { job, written } = { job: this.#job, written: this.#written }
    return {
      ...(job.task.command as Command).env,
      ...this.#secrets,
      SLUICE_STATE: this.#options.state,
      SLUICE_RUN: job.run,
      SLUICE_TASK: job.task.label,
      SLUICE_ATTEMPT: String(job.attempt),
      SLUICE_REQUIRES: this.#yields,
      ...(written === undefined ? {} : { SLUICE_OUTPUT: written }),
    }
  }

  #keep(from: OutputStream, lines: UncutLine[]): void {
    const at = Date.now()
    const level = from === 'stdout' ? 'info' : 'error'
    try {
      this.#log.write(lines.map((line) => maskedLogLine({ at, level, ...line }, this.#mask)))
    } catch (error) {
      this.#broken = error
      this.#hosted?.signal('SIGKILL')
    }
  }

  #stop(reason: AttemptOutcome): void {
    if (this.#reason !== undefined) return
    this.#reason = reason
    this.#hosted?.signal(reason === 'lost' ? 'SIGKILL' : 'SIGTERM')
    const graceMs = reason === 'timed_out' ? TIMEOUT_GRACE_MS : this.#options.graceMs
    this.#kill = startTimer(graceMs, () => this.#hosted?.signal('SIGKILL')).unref()
  }

  async #ending({ code, signal, error, isScarcity }: CommandEnd): Promise<Ending> {
    if (this.#broken !== undefined) throw this.#broken
    const [program = ''] = (this.#job.task.command as Command).argv
    if (error !== undefined)
      return failed(isScarcity ? 'not_started' : 'failed', `${program} could not be started: ${error}`)
    if (code === 0) return this.#publish()
    if (this.#reason !== undefined) return failed(this.#reason, this.#stopMessage(this.#reason))
    if (code === TRY_AGAIN) return failed('throttled', 'it asked to be tried again later (exit code 75)')
    if (code === YIELDS) return this.#yield()
    const failure = killedFromOutside(program, code, signal)
    if (failure !== undefined) return { outcome: failure.outcome, failure }
    return failed(
      'failed',
      signal ? `${program} was killed by ${signal}` : `${program} exited with code ${code}`,
    )
  }

  #stopMessage(reason: AttemptOutcome): string {
    const { memoryMb, task } = this.#job
    if (reason === 'out_of_memory') return `it used more than ${memoryMb} MB (memoryMb)`
    if (reason !== 'timed_out') return `the attempt was stopped (${reason})`
    return `it took longer than its timeout of ${(task.policy.timeoutMs ?? 0) / 1000} s`
  }

  /** What was written beside the target is moved into place; a command may as well have written the target itself. */
  async #publish(): Promise<Ending> {
    if (this.#target === undefined || this.#written === undefined)
      return { outcome: 'succeeded', result: null }
    if (!existsSync(this.#written)) {
      if (existsSync(this.#target)) return { outcome: 'succeeded', result: null }
      return failed('failed', `the command ended well but its output is missing: ${this.#target}`)
    }
    if (!(await this.#hooks.mayPublish()))
      return failed('lost', 'the attempt is no longer allowed to publish: its lease ended or it was stopped')
    renameSync(this.#written, this.#target)
    return { outcome: 'succeeded', result: null }
  }

  async #yield(): Promise<Ending> {
    try {
      const yielded = await this.#options.readYield(this.#yields, this.#job)
      const secret = findSecret(JSON.stringify(yielded.found), this.#secrets)
      if (secret !== undefined) throw new Error(holdsSecret('it', secret))
      return { outcome: 'yielded', yielded }
    } catch (error) {
      return {
        ...failed('failed', `what it yielded cannot be used: ${(error as Error).message}`),
        isFinal: true,
      }
    }
  }
}
