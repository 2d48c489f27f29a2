import { readErrorMessage } from '../../core/errors.ts'
import { RESULT_MAX_BYTES } from '../../core/json.ts'
import type { BodyEnd, Ending, Runner } from '../../core/ports/working.ts'
import { explainMissingImage, getContainerProgram } from '../../core/program.ts'
import type { AttemptOutcome } from '../../core/records/status.ts'
import { startLongTimer, type Timer } from '../../core/timer.ts'
import { type Attempt, type AttemptHandle, makeAttemptRunner } from '../attempt.ts'
import { type AttemptExit, makeFailureEnding } from '../attempt-end.ts'
import { concludeYield } from '../program.ts'
import { findKeepingProblem, findUnprovenEnd, ProgramEvents } from '../program-events.ts'
import { explainContainerEnd, makeDeath } from './container-end.ts'
import type { ContainerRunnerOptions } from './container-runner.ts'
import type { PreparedContainer } from './container-spec.ts'
import type { KeptContainer, KeptEnd } from './kept-container.ts'
import { discardOutputs, KeptFiles, publishOutputs } from './kept-files.ts'

/*
 * The attempt of a program whose container ECS starts, as its keeper runs it. The keeper brings the inputs, lets the program start,
 * takes its lines and events, and publishes when it has ended.
 *
 * 1. The program starts only after its inputs are in place; if the keeper ends before, it never starts.
 * 2. The program is asked to stop so long before the lease ends that ECS has killed it by then.
 * 3. An end during a stop of the whole ECS task is an interruption, whatever the exit code; only 0 counts as what it says.
 */

/** What the keeper's runner is composed of. */
export interface KeeperOptions
  extends Pick<ContainerRunnerOptions, 'logs' | 'graceMs' | 'prepare' | 'readYield'> {
  container: KeptContainer
  storage: ConstructorParameters<typeof KeptFiles>[1]
  /** How long ECS gives the program between SIGTERM and SIGKILL. */
  stopMs: number
  /** The folder in which `/sluice` is. @default '/' */
  root?: string
}

/** Runs the one program that is beside the keeper. */
export function makeKeeperRunner(options: KeeperOptions): Runner {
  return {
    ...makeAttemptRunner(
      {
        prepare: options.prepare,
        start: (attempt, prepared: PreparedContainer) => KeptProgram.start(attempt, prepared, options),
      },
      options,
    ),
    close: async () => {},
  }
}

type Lines = Awaited<ReturnType<KeptContainer['listen']>>

/** One program that the keeper has let start. */
class KeptProgram implements AttemptHandle {
  readonly exit: Promise<AttemptExit>
  readonly #attempt: Attempt
  readonly #prepared: PreparedContainer
  readonly #options: KeeperOptions
  readonly #files: KeptFiles
  readonly #events: ProgramEvents
  #lease: Timer

  static async start(
    attempt: Attempt,
    prepared: PreparedContainer,
    options: KeeperOptions,
  ): Promise<KeptProgram> {
    const { job, output } = attempt
    const files = new KeptFiles(getContainerProgram(job.task), options.storage, options.root)
    const lines = await options.container.listen((from, text) => output.push(from, text))
    const missing = await files.make({
      params: job.task.params,
      checkpoint: job.checkpoint,
      results: prepared.results,
    })
    return new KeptProgram(attempt, { prepared, options, files, lines, missing })
  }

  private constructor(
    attempt: Attempt,
    {
      prepared,
      options,
      files,
      lines,
      missing,
    }: {
      prepared: PreparedContainer
      options: KeeperOptions
      files: KeptFiles
      lines: Lines
      missing: string[]
    },
  ) {
    this.#attempt = attempt
    this.#prepared = prepared
    this.#options = options
    this.#files = files
    this.#events = new ProgramEvents(files.events, prepared.secrets, (text) => this.#warn(text))
    this.#lease = this.#stopBeforeEndOf(attempt.leaseLeftMs())
    this.exit =
      missing.length === 0
        ? this.#follow(lines)
        : Promise.resolve(
            makeDeath('failed', `an input has gone since the plan was made: ${missing.join(', ')}`),
          )
  }

  stop(_: AttemptOutcome): void {
    this.kill()
  }

  /** ECS alone can end the program: it asks first, and kills it after {@link KeeperOptions.stopMs}. */
  kill(): void {
    void this.#options.container
      .stop()
      .catch((error) => this.#warn(`its ECS task cannot be stopped: ${readErrorMessage(error)}`))
  }

  extendLease(leaseMs: number): void {
    this.#lease.cancel()
    this.#lease = this.#stopBeforeEndOf(leaseMs)
  }

  release(): void {
    this.#events.leave()
    this.#lease.cancel()
  }

  async conclude(end: BodyEnd): Promise<Ending> {
    if (end.outcome === 'yielded')
      return concludeYield(
        () => this.#options.readYield(this.#files.requires, this.#attempt.job),
        this.#prepared.secrets,
      )
    if (end.outcome !== 'succeeded') return end as Ending
    return this.#publish().catch((error) => makeFailureEnding('failed', readErrorMessage(error)))
  }

  async #follow(lines: Lines): Promise<AttemptExit> {
    const { container } = this.#options
    this.#events.follow((progress) => this.#attempt.onProgress(progress))
    container.letStart()
    try {
      const end = await container.waitForEnd()
      await lines.close()
      const { digest } = end
      const told = this.#events.end()
      return { ...this.#explain(end), told, ...(digest === undefined ? {} : { image: digest }) }
    } catch (error) {
      return makeDeath('lost', `the end of the program is not known: ${readErrorMessage(error)}`)
    }
  }

  #explain(end: KeptEnd): AttemptExit {
    const isStoppedByOthers = end.isTaskStopping && this.#attempt.reason === undefined && end.code !== 0
    if (isStoppedByOthers) return makeDeath('interrupted', 'its ECS task was stopped')
    const missing = end.code === undefined ? explainMissingImage(end.error) : undefined
    if (missing !== undefined)
      return { is: 'died', failure: { outcome: 'failed', message: missing }, isFinal: true }
    return explainContainerEnd(end, this.#attempt, this.#events.told.failure)
  }

  async #publish(): Promise<Ending> {
    const { result = null } = this.#events.told
    const { job } = this.#attempt
    const wrong = findKeepingProblem('the result', result, RESULT_MAX_BYTES, this.#prepared.secrets)
    const unproven = findUnprovenEnd(job.task, this.#events.told)
    const problem = unproven ?? wrong ?? this.#files.findOutputProblem()
    if (problem !== undefined) return makeFailureEnding('failed', problem)
    const staged = await this.#files.stage(job.nonce)
    // Why not is known to the attempt.
    if (!(await this.#attempt.mayPublish())) {
      await discardOutputs(staged)
      return makeFailureEnding('failed', 'it may not publish')
    }
    await publishOutputs(staged, job.task.forced || job.replaces ? 'replace' : 'create')
    const hasOutputs = getContainerProgram(job.task).outputs.length > 0
    return { outcome: 'succeeded', result: hasOutputs ? null : result }
  }

  #stopBeforeEndOf(leaseMs: number): Timer {
    return startLongTimer(Math.max(0, leaseMs - this.#options.stopMs), () => this.kill())
  }

  #warn(text: string): void {
    this.#attempt.output.write([{ at: Date.now(), level: 'warn', text }])
  }
}
