import { readErrorMessage } from '../../core/errors.ts'
import { RESULT_MAX_BYTES } from '../../core/json.ts'
import { IN_CONTAINER } from '../../core/names.ts'
import type { BodyEnd, Ending } from '../../core/ports/working.ts'
import { getContainerProgram } from '../../core/program.ts'
import type { StartTimes } from '../../core/records/launch.ts'
import type { AttemptOutcome } from '../../core/records/status.ts'
import { startLongTimer, type Timer } from '../../core/timer.ts'
import type { Attempt, AttemptHandle } from '../attempt.ts'
import { type AttemptExit, makeFailureEnding } from '../attempt-end.ts'
import { concludeYield } from '../program.ts'
import { findKeepingProblem, findUnprovenEnd, ProgramEvents } from '../program-events.ts'
import { explainContainerEnd, makeDeath } from './container-end.ts'
import type { ContainerEngine } from './container-engine.ts'
import { ContainerFiles } from './container-files.ts'
import type { ReadyImage } from './container-image.ts'
import { hashState, type LabelledContainer, makeLabels, nameContainer } from './container-labels.ts'
import { keepOwnContainer, removeOwnContainer, settleLeftovers } from './container-leftovers.ts'
import { type ContainerEnd, ContainerRun } from './container-run.ts'
import type { ContainerRunnerOptions } from './container-runner.ts'
import { hashContainerSpec, makeContainerSpec, type PreparedContainer } from './container-spec.ts'

/** What an attempt in a container is started with. */
export interface ContainerParts {
  engine: ContainerEngine
  image: ReadyImage
  /** When its image was got, and the container started. */
  times: StartTimes
  prepared: PreparedContainer
  options: ContainerRunnerOptions
}

/** One container that was started or adopted for an attempt. */
export class RunningContainer implements AttemptHandle {
  readonly exit: Promise<AttemptExit>
  readonly #attempt: Attempt
  readonly #parts: ContainerParts
  readonly #files: ContainerFiles
  readonly #run: ContainerRun
  readonly #events: ProgramEvents
  #lease: Timer
  #startedAt: number | undefined

  /** Starts the container of an attempt, or adopts the one that an earlier attempt of its task has left. */
  static async start(attempt: Attempt, parts: ContainerParts): Promise<RunningContainer> {
    const { engine, options } = parts
    const left = await settleLeftovers(
      engine.within(attempt.signal),
      options.state,
      attempt.job,
      hashContainerSpec(attempt.job, parts.image.id),
    )
    return new RunningContainer(attempt, parts, left)
  }

  private constructor(attempt: Attempt, parts: ContainerParts, adopted: LabelledContainer | undefined) {
    const { job } = attempt
    const name = nameContainer(job.nonce)
    this.#attempt = attempt
    this.#parts = parts
    this.#files = new ContainerFiles(getContainerProgram(job.task), job.nonce, adopted?.folder)
    this.#run = new ContainerRun(parts.engine, { name, folder: this.#files.folder })
    this.#events = new ProgramEvents(this.#files.events, parts.prepared.secrets, (text) => this.#warn(text))
    this.#lease = this.#killAtEndOf(attempt.leaseLeftMs())
    this.#events.follow((progress) => attempt.onProgress(progress))
    this.exit = (adopted === undefined ? this.#start(name) : this.#adopt(adopted)).catch((error) => ({
      is: 'not-started',
      message: readErrorMessage(error),
    }))
  }

  stop(reason: AttemptOutcome): void {
    // What ends well because its host stops has succeeded; after another reason its end proves nothing.
    if (reason !== 'interrupted') this.#files.noteStop()
    void this.#run.kill('TERM').catch(() => {})
  }

  kill(): void {
    void this.#run.kill('KILL').catch(() => {})
  }

  extendLease(leaseMs: number): void {
    this.#lease.cancel()
    this.#lease = this.#killAtEndOf(leaseMs)
  }

  release(): void {
    this.#events.leave()
    this.#lease.cancel()
  }

  async conclude(end: BodyEnd): Promise<Ending> {
    const ending = await this.#conclude(end).catch((error) =>
      makeFailureEnding('failed', readErrorMessage(error)),
    )
    // One that is no longer this attempt's is not looked at by a person, but adopted by the next one.
    const isKept = ending.outcome === 'failed' && this.#isToKeep && (await this.#attempt.mayPublish())
    const times = this.#timesOf(this.#startedAt ?? (await this.#run.findStart()))
    // A program that has done its work must not run again because this process dies before that is written.
    if (ending.outcome === 'succeeded' || ending.outcome === 'yielded')
      return { ...ending, times, cleanUp: () => this.#remove() }
    await (isKept ? this.#keep() : this.#remove())
    return { ...ending, times }
  }

  async #start(name: string): Promise<AttemptExit> {
    const { job, output } = this.#attempt
    const { image, prepared, options } = this.#parts
    this.#files.make({ params: job.task.params, checkpoint: job.checkpoint, results: prepared.results })
    const gone = this.#files.findMissingInputs()
    if (gone.length > 0) {
      await this.#remove()
      return makeDeath('failed', `an input has gone since the plan was made: ${gone.join(', ')}`)
    }
    const { folder } = this.#files
    const spec = {
      ...makeContainerSpec(job, image.id, prepared),
      name,
      folder,
      mounts: this.#files.listMounts(),
    }
    const labels = makeLabels(hashState(options.state), job, {
      spec: hashContainerSpec(job, image.id),
      folder,
    })
    return this.#exitOf(await this.#run.start({ ...spec, labels }, (from, text) => output.push(from, text)))
  }

  async #adopt({ attempt }: LabelledContainer): Promise<AttemptExit> {
    const { output } = this.#attempt
    output.write([
      {
        at: Date.now(),
        level: 'info',
        text: `goes on with the container of attempt ${attempt}, whose engine ended`,
      },
    ])
    return this.#exitOf(await this.#run.adopt((from, text) => output.push(from, text)))
  }

  /** What its end means. A container that cannot say more is removed or kept here, others after they were published. */
  async #exitOf(end: ContainerEnd): Promise<AttemptExit> {
    const told = this.#events.end()
    const exit = explainContainerEnd(end, this.#attempt, this.#events.told.failure)
    if (exit.is === 'died' && this.#isToKeep && this.#hasFailed(exit.failure.outcome)) await this.#keep()
    else if (exit.is !== 'reported') await this.#remove()
    this.#startedAt = end.startedAt
    return { ...exit, image: this.#parts.image.digest, times: this.#timesOf(end.startedAt), told }
  }

  /** One that was adopted had been running before: nothing is known of its start. */
  #timesOf(startedAt: number | undefined): StartTimes {
    const { times } = this.#parts
    const { startingAt = 0 } = times
    return startedAt === undefined || startedAt < startingAt ? times : { ...times, runningAt: startedAt }
  }

  async #conclude(end: BodyEnd): Promise<Ending> {
    if (end.outcome === 'succeeded') return this.#publish()
    if (end.outcome !== 'yielded') return end as Ending
    const { options, prepared } = this.#parts
    return concludeYield(() => options.readYield(this.#files.requires, this.#attempt.job), prepared.secrets)
  }

  async #publish(): Promise<Ending> {
    const { result = null } = this.#events.told
    const unproven = findUnprovenEnd(this.#attempt.job.task, this.#events.told)
    if (unproven !== undefined) return makeFailureEnding('failed', unproven)
    const wrong = findKeepingProblem('the result', result, RESULT_MAX_BYTES, this.#parts.prepared.secrets)
    if (wrong !== undefined) return makeFailureEnding('failed', wrong)
    await this.#files.takeOver((into) => this.#run.copyOut(IN_CONTAINER.outputs, into))
    const problem = this.#files.findOutputProblem()
    if (problem !== undefined) return makeFailureEnding('failed', problem)
    // Why not is known to the attempt.
    if (!(await this.#attempt.mayPublish())) return makeFailureEnding('failed', 'it may not publish')
    try {
      this.#files.publish()
    } catch (error) {
      return makeFailureEnding('failed', `its outputs cannot be moved into place: ${readErrorMessage(error)}`)
    }
    return {
      outcome: 'succeeded',
      result: getContainerProgram(this.#attempt.job.task).outputs.length === 0 ? result : null,
    }
  }

  /** Whether it ended by its own fault, so that a person may want to look at it. */
  #hasFailed(outcome: AttemptOutcome): boolean {
    const { reason = outcome } = this.#attempt
    return reason === 'failed' || reason === 'out_of_memory' || reason === 'timed_out'
  }

  #killAtEndOf(leaseMs: number): Timer {
    return startLongTimer(leaseMs, () => this.kill())
  }

  /** Whether a failed container is to be left for a person. */
  get #isToKeep(): boolean {
    return this.#parts.options.keepsFailed === true
  }

  /** Keeps it. One that was never created cannot be kept. */
  async #keep(): Promise<void> {
    const { job } = this.#attempt
    if (!(await keepOwnContainer(this.#parts.engine, job).catch(() => false))) return this.#remove()
    const text = `its container was kept: sluice shell ${job.run} ${job.task.number} opens a shell in it`
    this.#attempt.output.write([{ at: Date.now(), level: 'info', text }])
  }

  /** What cannot be removed now, because the engine does not answer, is adopted or removed later. */
  async #remove(): Promise<void> {
    const { engine, options } = this.#parts
    const own = { folder: this.#files.folder, hasEnded: this.#run.hasEnded }
    await removeOwnContainer(engine, options.state, this.#attempt.job, own).catch((error) =>
      this.#warn(`its container is not removed yet: ${readErrorMessage(error)}`),
    )
  }

  #warn(text: string): void {
    this.#attempt.output.write([{ at: Date.now(), level: 'warn', text }])
  }
}
