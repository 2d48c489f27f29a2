import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { maskedFailure, maskOf } from '../../core/mask.ts'
import type { AttemptOutcome } from '../../core/model.ts'
import type { Command } from '../../core/plan.ts'
import type { AttemptLog, Ending, Job, JobHooks, LogLine, Logs, Runner } from '../../core/ports.ts'
import { withoutSecrets } from './child-process.ts'
import { onLines } from './lines.ts'
import { type MemorySampler, sampleMemory } from './memory-sampler.ts'

/** What the runner is composed of. */
export interface CommandRunnerOptions {
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

/** On Linux the kernel ends a command whose parent dies (prctl(2), PR_SET_PDEATHSIG); util-linux brings the tool. */
const SETPRIV = '/usr/bin/setpriv'
const dieWithParent = existsSync(SETPRIV) ? [SETPRIV, '--pdeathsig', 'KILL', '--'] : []

/** Runs commands of plans as plain subprocesses. */
export function commandRunner(options: CommandRunnerOptions): Runner {
  const busy = new Map<string, Running>()
  return {
    async run(job, hooks) {
      let secrets: Record<string, string>
      try {
        secrets = await options.secrets(job)
      } catch (error) {
        return failed('failed', (error as Error).message)
      }
      const mask = maskOf(Object.values(secrets))
      const running = new Running(job, hooks, options, secrets, mask)
      busy.set(job.nonce, running)
      const ending = await running.end()
      busy.delete(job.nonce)
      return ending.failure === undefined
        ? ending
        : { ...ending, failure: maskedFailure(ending.failure, mask) }
    },
    beat: (nonce, leaseMs) => busy.get(nonce)?.beat(leaseMs),
    async close() {
      for (const each of busy.values()) each.kill()
    },
  }
}

const failed = (outcome: AttemptOutcome, message: string): Ending => ({
  outcome,
  failure: { outcome, message },
})

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
  readonly #mask: (text: string) => string
  #process: ChildProcess | undefined
  #memory: MemorySampler | undefined
  #reason: AttemptOutcome | undefined
  #lease: NodeJS.Timeout | undefined
  #broken: unknown

  constructor(
    job: Job,
    hooks: JobHooks,
    options: CommandRunnerOptions,
    secrets: Record<string, string>,
    mask: (text: string) => string,
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
    this.#yields = join(tmpdir(), `sluice-${job.nonce}.jsonl`)
  }

  async end(): Promise<Ending> {
    const onAbort = () => this.#stop(this.#hooks.signal.reason as AttemptOutcome)
    this.#hooks.signal.addEventListener('abort', onAbort)
    const { timeoutMs } = this.#job.task.policy
    const timeout = timeoutMs === undefined ? undefined : setTimeout(() => this.#stop('timed_out'), timeoutMs)
    try {
      const closed = await this.#execute()
      const ending = await this.#ending(closed)
      const peakMemoryBytes = this.#memory?.peakBytes()
      return {
        ...ending,
        ...(peakMemoryBytes === undefined ? {} : { peakMemoryBytes }),
        ...(ending.outcome === 'succeeded' ? {} : { tail: this.#log.tail() }),
      }
    } finally {
      this.#hooks.signal.removeEventListener('abort', onAbort)
      clearTimeout(timeout)
      clearTimeout(this.#lease)
      if (this.#written !== undefined) await rm(this.#written, { force: true, recursive: true })
      await rm(this.#yields, { force: true })
    }
  }

  /** A worker that cannot extend its lease ends the command before another may start it. */
  beat(leaseMs: number): void {
    clearTimeout(this.#lease)
    this.#lease = setTimeout(() => this.#stop('lost'), leaseMs)
  }

  kill(): void {
    const pid = this.#process?.pid
    if (pid === undefined) return
    try {
      process.kill(-pid, 'SIGKILL')
    } catch {
      this.#process?.kill('SIGKILL')
    }
  }

  async #execute(): Promise<Closed> {
    const { argv, folder } = this.#job.task.command as Command
    if (this.#target !== undefined) await mkdir(dirname(this.#target), { recursive: true })
    if (this.#hooks.signal.aborted) return { code: null, signal: null }
    const [program = '', ...args] = [...dieWithParent, ...argv]
    this.#process = spawn(program, args, {
      cwd: folder,
      env: this.#environment(),
      stdio: ['ignore', 'pipe', 'pipe'],
      // A group of its own: Ctrl-C reaches only us, and a kill reaches what the command has started.
      detached: true,
    })
    const closed = Promise.withResolvers<Closed>()
    this.#process.on('error', (error) => closed.resolve({ code: null, signal: null, error }))
    this.#process.on('close', (code, signal) => closed.resolve({ code, signal }))
    this.#listen('stdout', 'info')
    this.#listen('stderr', 'error')
    this.beat(this.#job.leaseMs)
    const { pid } = this.#process
    if (pid !== undefined) this.#memory = sampleMemory(pid, (bytes) => this.#sampled(bytes))
    const end = await closed.promise
    this.#memory?.stop()
    // What the command has started in its group does not outlive it.
    this.kill()
    return end
  }

  #environment(): Record<string, string | undefined> {
    const { job, written } = { job: this.#job, written: this.#written }
    return {
      ...withoutSecrets(process.env),
      ...(job.task.command as Command).env,
      ...this.#secrets,
      SLUICE_RUN: job.run,
      SLUICE_TASK: job.task.label,
      SLUICE_ATTEMPT: String(job.attempt),
      SLUICE_REQUIRES: this.#yields,
      ...(written === undefined ? {} : { SLUICE_OUTPUT: written }),
    }
  }

  #listen(name: 'stdout' | 'stderr', level: LogLine['level']): void {
    onLines(this.#process?.[name] as Readable, (lines) => {
      try {
        this.#log.write(lines.map((text) => ({ at: Date.now(), level, text: this.#mask(text) })))
      } catch (error) {
        this.#broken = error
        this.kill()
      }
    })
  }

  #sampled(bytes: number): void {
    const { memoryMb } = this.#job
    if (memoryMb === undefined || bytes <= memoryMb * 1024 * 1024) return
    this.#reason ??= 'out_of_memory'
    this.kill()
  }

  #stop(reason: AttemptOutcome): void {
    if (this.#reason !== undefined) return
    this.#reason = reason
    const pid = this.#process?.pid
    if (pid === undefined) return
    try {
      process.kill(-pid, reason === 'lost' ? 'SIGKILL' : 'SIGTERM')
    } catch {
      // It has ended meanwhile.
    }
    const graceMs = reason === 'timed_out' ? TIMEOUT_GRACE_MS : this.#options.graceMs
    setTimeout(() => this.kill(), graceMs).unref()
  }

  async #ending({ code, signal, error }: Closed): Promise<Ending> {
    if (this.#broken !== undefined) throw this.#broken
    const [program] = (this.#job.task.command as Command).argv
    if (error !== undefined) return failed('failed', `${program} could not be started: ${error.message}`)
    if (code === 0) return this.#publish()
    if (this.#reason !== undefined) return failed(this.#reason, this.#stopMessage(this.#reason))
    if (code === TRY_AGAIN) return failed('throttled', 'it asked to be tried again later (exit code 75)')
    if (code === YIELDS) return this.#yield()
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
    await rename(this.#written, this.#target)
    return { outcome: 'succeeded', result: null }
  }

  async #yield(): Promise<Ending> {
    try {
      const yielded = await this.#options.readYield(this.#yields, this.#job)
      return { outcome: 'yielded', yielded }
    } catch (error) {
      return {
        ...failed('failed', `what it yielded cannot be used: ${(error as Error).message}`),
        isFinal: true,
      }
    }
  }
}

interface Closed {
  code: number | null
  signal: string | null
  error?: Error
}
