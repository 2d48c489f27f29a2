import { readErrorMessage } from '../../core/errors.ts'
import { RESULT_MAX_BYTES } from '../../core/json.ts'
import { mustHave } from '../../core/must-have.ts'
import type { Command } from '../../core/plan.ts'
import type { BodyEnd, Ending, Job, Runner } from '../../core/ports/working.ts'
import { makeTraceParent } from '../../core/program.ts'
import type { AttemptOutcome } from '../../core/records/status.ts'
import {
  type Attempt,
  type AttemptHandle,
  type AttemptKind,
  type AttemptOptions,
  makeAttemptRunner,
  type PreparedJob,
} from '../attempt.ts'
import { type AttemptExit, makeFailureEnding } from '../attempt-end.ts'
import { explainOutsideKill } from '../os/killed.ts'
import { concludeYield, readExitCode } from '../program.ts'
import { findKeepingProblem, findUnprovenEnd, ProgramEvents } from '../program-events.ts'
import { AttemptNotes, removeAbandonedNotes } from './attempt-notes.ts'
import { CommandFiles, type ProgramFiles } from './command-files.ts'
import { type CommandHandle, CommandHosts } from './command-hosts.ts'
import type { CommandEnd, HostedCommand } from './command-protocol.ts'
import { JobFiles } from './job-files.ts'
import { isScarcityError } from './scarcity.ts'

/** What the runner is composed of. */
export interface CommandRunnerOptions extends AttemptOptions {
  /** Path of the state folder: by it and its run a command's attempts are known. */
  state: string
  /** Values of secrets by environment variable. */
  secrets(job: Job): Promise<Record<string, string>>
  /** What a command wrote into the file of its dynamic dependencies. */
  readYield(path: string, job: Job): Promise<NonNullable<Ending['yielded']>>
}

/** Runs commands of plans as plain subprocesses. */
export function makeCommandRunner(options: CommandRunnerOptions): Runner {
  const hosts = new CommandHosts()
  const kind: AttemptKind<PreparedJob> = {
    prepare: async (job) => ({ secrets: await options.secrets(job) }),
    start: async (attempt, { secrets }) => new RunningCommand(attempt, secrets, options, hosts),
  }
  return {
    ...makeAttemptRunner(kind, options),
    endAbandoned: (isOpen) => removeAbandonedNotes(options.state, isOpen),
    close: async () => hosts.close(),
  }
}

/** One command that has been started. */
class RunningCommand implements AttemptHandle {
  readonly exit: Promise<AttemptExit>
  readonly #attempt: Attempt
  readonly #options: CommandRunnerOptions
  readonly #files: ProgramFiles
  readonly #notes: AttemptNotes
  readonly #command: Command
  readonly #secrets: Record<string, string>
  readonly #events: ProgramEvents
  #hosted: CommandHandle | undefined

  constructor(
    attempt: Attempt,
    secrets: Record<string, string>,
    options: CommandRunnerOptions,
    hosts: CommandHosts,
  ) {
    this.#attempt = attempt
    this.#options = options
    this.#command = mustHave(attempt.job.task.command, 'command of a planned command')
    const { outputs } = this.#command
    const { job } = attempt
    this.#notes = new AttemptNotes(options.state, job)
    this.#files =
      outputs === undefined ? new CommandFiles(job) : new JobFiles(job, outputs, this.#notes.folder)
    this.#secrets = secrets
    this.#events = new ProgramEvents(this.#notes.events, secrets, (text) => this.#warn(text))
    this.exit = this.#start(hosts)
  }

  stop(): void {
    this.#hosted?.signal('SIGTERM')
  }

  kill(): void {
    this.#hosted?.signal('SIGKILL')
  }

  extendLease(leaseMs: number): void {
    this.#hosted?.extendLease(leaseMs)
  }

  release(): void {
    this.#events.leave()
    this.#files.remove()
    this.#notes.remove()
  }

  async conclude(end: BodyEnd): Promise<Ending> {
    if (end.outcome === 'succeeded') return this.#publish()
    const { yielded: _, ...ending } = end
    if (end.outcome !== 'yielded') return ending
    const { requires } = this.#notes
    return concludeYield(() => this.#options.readYield(requires, this.#attempt.job), this.#secrets)
  }

  async #start(hosts: CommandHosts): Promise<AttemptExit> {
    const { argv, folder } = this.#command
    const { memoryMb } = this.#attempt.job
    const leaseMs = this.#attempt.leaseLeftMs()
    try {
      this.#files.makeRoom()
      this.#notes.write()
      const command = {
        argv: this.#files.fillIn(argv),
        folder,
        env: this.#environment(),
        leaseMs,
        ...(memoryMb && { memoryMb }),
      }
      this.#hosted = hosts.run(command, (from, text) => this.#attempt.output.push(from, text))
      this.#events.follow((progress) => this.#attempt.onProgress(progress))
    } catch (error) {
      return this.#refused(readErrorMessage(error), isScarcityError(error))
    }
    const end = await this.#hosted.end
    const told = this.#events.end()
    return { ...this.#exitOf(end), told }
  }

  #environment(): HostedCommand['env'] {
    const { job } = this.#attempt
    const { written } = this.#files
    return {
      ...this.#command.env,
      ...this.#secrets,
      SLUICE_STATE: this.#options.state,
      SLUICE_RUN: job.run,
      SLUICE_TASK: job.task.label,
      SLUICE_ATTEMPT: String(job.attempt),
      TRACEPARENT: makeTraceParent(job),
      ...this.#notes.variables,
      ...(written === undefined ? {} : { SLUICE_OUTPUT: written }),
    }
  }

  #exitOf(end: CommandEnd): AttemptExit {
    const [program = ''] = this.#command.argv
    const { code, error, isScarcity = false, peakMemoryBytes } = end
    if (error !== undefined) return this.#refused(error, isScarcity)
    const usage = peakMemoryBytes === undefined ? {} : { peakMemoryBytes }
    const reported = readExitCode(code, this.#attempt.reason)
    if (reported !== undefined) return { ...usage, is: 'reported', end: reported }
    return { ...usage, is: 'died', failure: this.#causeOf(end, program) }
  }

  #causeOf({ code, signal, reason }: CommandEnd, program: string) {
    const because = (outcome: AttemptOutcome, message: string) => ({ outcome, message })
    const killed = explainOutsideKill(program, code, signal)
    if (reason === 'out_of_memory')
      return because(reason, `it used more than ${this.#attempt.job.memoryMb} MB (memoryMb)`)
    if (reason === 'lost') return because(reason, 'the attempt was stopped (lost)')
    if (killed !== undefined) return killed
    const { failure } = this.#events.told
    if (failure !== undefined && code !== null)
      return {
        ...because('failed', failure.message),
        ...(failure.stack === undefined ? {} : { stack: failure.stack }),
      }
    return because(
      'failed',
      signal ? `${program} was killed by ${signal}` : `${program} exited with code ${code}`,
    )
  }

  async #publish(): Promise<Ending> {
    const problem = this.#findResultProblem() ?? this.#files.findProblem()
    if (problem !== undefined) return makeFailureEnding('failed', problem)
    // Why not is known to the attempt.
    if (!(await this.#attempt.mayPublish())) return makeFailureEnding('failed', 'it may not publish')
    try {
      this.#files.publish()
    } catch (error) {
      return makeFailureEnding('failed', `its output cannot be moved into place: ${readErrorMessage(error)}`)
    }
    const { result = null } = this.#events.told
    return { outcome: 'succeeded', result: this.#attempt.job.task.outputs.length === 0 ? result : null }
  }

  #findResultProblem(): string | undefined {
    const { told } = this.#events
    const unproven = findUnprovenEnd(this.#attempt.job.task, told)
    if (unproven !== undefined || told.result === undefined) return unproven
    return findKeepingProblem('the result', told.result, RESULT_MAX_BYTES, this.#secrets)
  }

  #warn(text: string): void {
    this.#attempt.output.write([{ at: Date.now(), level: 'warn', text }])
  }

  /** It never began: for want of something that there may be later, or because it cannot. */
  #refused(why: string, isScarcity: boolean): AttemptExit {
    const message = `${this.#command.argv[0]} could not be started: ${why}`
    if (isScarcity) return { is: 'not-started', message }
    return { is: 'died', failure: { outcome: 'failed', message } }
  }
}
