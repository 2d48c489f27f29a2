import { findStandingRecord } from '../core/change.ts'
import { readErrorMessage } from '../core/errors.ts'
import { Interrupt } from '../core/interrupt.ts'
import { keys } from '../core/keys.ts'
import { type Delivery, MAX_DELAY_MS } from '../core/ports/deciding.ts'
import type { Ending, Job, JobHooks } from '../core/ports/working.ts'
import { hasTaskEnded } from '../core/records/status.ts'
import type { Progress, TaskRun } from '../core/records/task-run.ts'
import { StopRequest } from '../core/stop-request.ts'
import { type ClaimedAttempt, type ClaimResult, claimAttempt } from './claim.ts'
import type { Context } from './context.ts'
import { finishAttempt } from './finish.ts'
import { type HandOnOptions, handOn } from './hand-on.ts'
import { blockBudget, reserveMoreBudget } from './limits.ts'
import { computePoolCapacities } from './pool-capacity.ts'
import { decideForRun, isUndecidableError } from './undecidable.ts'
import { UnfitMessages } from './unfit.ts'

/** Calls for what a worker does. */
export interface WorkEvents {
  onStart?(claimed: ClaimedAttempt): void
  onProgress?(claimed: ClaimedAttempt, progress: Progress): void
  onEnd?(claimed: ClaimedAttempt, ending: Ending): void
  /** A message of this run needs a family that this process does not define; told once for each run. */
  onUnfit?(run: string, family: string): void
}

/** How much a worker takes, and of what. */
export interface WorkOptions extends WorkEvents {
  concurrency: number
  /** Only attempts of this pool. @default every pool's */
  pool?: string
  /** Only attempts of these runs, asked each time; default every run's. */
  runs?: () => readonly string[]
  /** @default what became ready is left to the feed */
  handOn?: HandOnOptions
}

interface RunningAttempt {
  claimed: ClaimedAttempt
  stop: StopRequest
  /** When its lease was last renewed, by the steady clock. */
  renewedAt: number
  progress?: Progress
}

const HELD_UP: Ending = {
  outcome: 'not_started',
  failure: { outcome: 'not_started', message: 'its worker was held up until the lease had ended' },
}

const LOST: Ending = {
  outcome: 'lost',
  failure: { outcome: 'lost', message: 'the attempt had been given to another worker' },
}

/** Long enough for a claim; a redelivery is harmless. */
const VISIBILITY_MS = 15_000
/** A delayed message sends no wake signal when its delay ends. */
const IDLE_MS = 200

/** Takes messages, claims their attempts, runs the bodies and keeps their leases, until it is stopped. */
export class Worker {
  readonly #context: Context
  readonly #options: WorkOptions
  readonly #active = new Map<string, RunningAttempt>()
  readonly #attempts = new Set<Promise<void>>()
  #stopping = false
  #draining = false
  #asked = 0
  readonly #unfit = new UnfitMessages()
  /** Claims under way: their places are not taken yet, but will be. */
  #claiming = 0
  #freed: () => void = () => {}
  /** How many bodies the machine was able to start at once; one more is tried with each heartbeat. */
  #startable: number

  constructor(context: Context, options: WorkOptions) {
    this.#context = context
    this.#options = options
    this.#startable = options.concurrency
  }

  /** How many bodies it runs. */
  get running(): number {
    return this.#active.size
  }

  /** Works until {@link stop}; rejects when the state cannot be written. */
  async run(): Promise<void> {
    const failure = new Interrupt()
    while (!this.#stopping && !this.#draining) {
      const idle = this.#context.ports.clock.listen('messages')
      const deliveries = await this.#take()
      if (this.#stopping || this.#draining) await this.#putBack(deliveries)
      else for (const delivery of deliveries) this.#start(delivery, (error) => failure.fail(error))
      if (deliveries.length === 0) await failure.wait(Promise.race([idle(IDLE_MS), this.#whenFree()]))
    }
    await failure.wait(Promise.all(this.#attempts))
  }

  /** Claims nothing more and asks the bodies to stop; {@link run} returns when they have. */
  stop(): void {
    this.#stopping = true
    for (const active of this.#active.values()) active.stop.make('interrupted')
    this.#freed()
  }

  /** Claims nothing more, and lets what runs come to its end; {@link run} returns then. */
  drain(): void {
    this.#draining = true
    this.#freed()
  }

  /** Extends every lease, passes cancellations on, and stops bodies whose lease is not ours any more. */
  async extendLeases(): Promise<void> {
    const active = [...this.#active.values()]
    this.#startable = Math.min(this.#options.concurrency, this.#startable + 1)
    await Promise.all(active.map((each) => this.#extend(each)))
    const runs = [...new Set(active.map((each) => each.claimed.task.run))]
    const records = await this.#context.ports.store.read(runs.map(keys.run))
    const cancelled = new Set(runs.filter((_, index) => records[index]?.cancelledAt !== undefined))
    for (const each of active) if (cancelled.has(each.claimed.task.run)) each.stop.make('cancelled')
  }

  async #take(): Promise<Delivery[]> {
    const limit = this.#startable - this.#attempts.size
    if (limit <= 0) return []
    const { runs, pool } = this.#options
    const room = this.#withoutClaims(await computePoolCapacities(this.#context, this.#asked++))
    return this.#context.ports.queue.take({
      limit,
      visibilityMs: VISIBILITY_MS,
      pools: pool === undefined ? room : { [pool]: room[pool] ?? 0 },
      ...(runs === undefined ? {} : { runs: runs() }),
      unfit: this.#unfit.known,
    })
  }

  /** Taken while it was told to stop: others may have them at once. */
  async #putBack(deliveries: Delivery[]): Promise<void> {
    await Promise.all(deliveries.map((delivery) => this.#context.ports.queue.putBack(delivery, 0)))
  }

  #withoutClaims(room: { [name: string]: number }): { [name: string]: number } {
    return Object.fromEntries(Object.entries(room).map(([name, places]) => [name, places - this.#claiming]))
  }

  #start(delivery: Delivery, onError: (error: unknown) => void): void {
    const { run } = delivery.message
    const attempt: Promise<void> = decideForRun(this.#context, run, () => this.perform(delivery))
      .catch(onError)
      .finally(() => {
        this.#attempts.delete(attempt)
        this.#freed()
      })
    this.#attempts.add(attempt)
  }

  #whenFree(): Promise<void> {
    return new Promise((resolve) => {
      this.#freed = resolve
    })
  }

  /** Claims the attempt of one message and runs it to its end; for workers that are given their messages. */
  async perform(delivery: Delivery): Promise<void> {
    const { queue } = this.#context.ports
    this.#claiming++
    const result = await claimAttempt(this.#context, delivery.message).finally(() => {
      this.#claiming--
    })
    if (result.is === 'unfit') return this.#leave(delivery, result)
    if (result.is === 'early') return queue.putBack(delivery, Math.min(result.delayMs, MAX_DELAY_MS))
    // Nothing is lost by a redelivery, so the body need not wait.
    const acknowledged = queue.acknowledge([delivery])
    if (result.is === 'ours') await Promise.all([this.#executeChain(result.claimed), acknowledged])
    else await acknowledged
  }

  /** Runs an attempt that was claimed elsewhere, whose lease this process has taken over, to its end. */
  async continue(claimed: ClaimedAttempt): Promise<void> {
    await this.#executeChain(claimed)
  }

  /** Puts back what this process cannot run. */
  async #leave(delivery: Delivery, { family, isWholeRun }: ClaimResult & { is: 'unfit' }): Promise<void> {
    const { delayMs, isNews } = this.#unfit.note(delivery.message, isWholeRun)
    if (isNews) this.#options.onUnfit?.(delivery.message.run, family)
    await this.#context.ports.queue.putBack(delivery, delayMs)
  }

  /** Definitions were read anew: what this worker could not run may be looked at again. */
  redefined(): void {
    this.#unfit.clear()
  }

  /** Runs an attempt, and then one after the other what each success hands on. */
  async #executeChain(first: ClaimedAttempt): Promise<unknown> {
    if (this.#options.handOn === undefined) return this.#execute(first, false)
    const { forMs, mayRun } = this.#options.handOn
    const { clock } = this.#context.ports
    const until = clock.steady() + forMs
    const goesOn = () => !this.#stopping && !this.#draining && clock.steady() < until
    let next: ClaimedAttempt | undefined = first
    while (next !== undefined) {
      const hasSucceeded: boolean = await this.#execute(next, next !== first)
      if (!hasSucceeded) return
      next = await handOn(this.#context, next, (planned, task) => goesOn() && mayRun(planned, task))
    }
  }

  /** Runs an attempt and writes its end; true if it has succeeded. */
  async #execute(claimed: ClaimedAttempt, isHandedOn: boolean): Promise<boolean> {
    const { runner, clock } = this.#context.ports
    const leaseMs = (claimed.task.leaseUntil ?? 0) - clock.steady()
    // This process was held up for too long: the attempt is another's by now, or about to be.
    if (leaseMs <= 0) {
      await finishAttempt(this.#context, claimed, HELD_UP)
      return false
    }
    const renewedAt = (claimed.task.leaseUntil ?? 0) - this.#context.settings.leaseMs
    const active: RunningAttempt = { claimed, stop: new StopRequest(), renewedAt }
    this.#active.set(claimed.nonce, active)
    if (this.#stopping) active.stop.make('interrupted')
    this.#options.onStart?.(claimed)
    let cleanUp: Ending['cleanUp']
    let hasSucceeded = false
    try {
      const told = await runner.run(makeJob(claimed, leaseMs, isHandedOn), this.#hooks(active))
      cleanUp = told.cleanUp
      if (told.outcome === 'not_started') this.#startable = Math.max(1, this.#active.size - 1)
      const { progress } = active
      const ending = { ...told, progress }
      const isOurs = await finishAttempt(this.#context, claimed, ending)
      hasSucceeded = isOurs && ending.outcome === 'succeeded'
      this.#options.onEnd?.(claimed, isOurs ? ending : LOST)
    } catch (error) {
      if (!isUndecidableError(error)) throw error
      // What it ran for would otherwise be running as long as this process lives.
      await finishAttempt(this.#context, claimed, makeUndecidedEnding(error))
    } finally {
      this.#active.delete(claimed.nonce)
    }
    await cleanUp?.()
    return hasSucceeded
  }

  #hooks(active: RunningAttempt): JobHooks {
    const { task, nonce } = active.claimed
    return {
      stop: active.stop,
      onProgress: (progress) => this.#progressed(active, progress),
      mayPublish: () => this.#mayPublish(active),
      reserve: (budget, amount) => reserveMoreBudget(this.#context, task, nonce, budget, amount),
      block: (budget, until) => blockBudget(this.#context, budget, until),
    }
  }

  /** A lease that was renewed less than a heartbeat ago cannot have been lost; another is renewed first. */
  async #mayPublish(active: RunningAttempt): Promise<boolean> {
    const { ports, settings } = this.#context
    const age = ports.clock.steady() - active.renewedAt
    return (age >= 0 && age < settings.heartbeatMs) || this.#extend(active)
  }

  #progressed(active: RunningAttempt, progress: Progress): void {
    active.progress = progress
    this.#options.onProgress?.(active.claimed, progress)
  }

  /** Extends one lease; false, and the body is stopped, if the attempt is no longer ours. */
  async #extend(active: RunningAttempt): Promise<boolean> {
    const { task, nonce } = active.claimed
    const { ports, settings } = this.#context
    const now = ports.clock.steady()
    // Once the body is told to stop, its lease is kept as any other.
    const notCancelled = active.stop.reason === undefined ? { cancelledAt: undefined } : {}
    const result = await ports.store.write([
      {
        key: keys.taskRun(task.run, task.number),
        set: {
          leaseUntil: now + settings.leaseMs,
          ...(active.progress === undefined ? {} : { progress: active.progress }),
        },
        if: { status: 'running', attempt: task.attempt, nonce, ...notCancelled },
      },
    ])
    if (result.ok) return this.#extended(active, now)
    const standing = findStandingRecord(result, 'taskRun')
    if (isTakenAway(standing, nonce)) {
      active.stop.make('lost')
      return false
    }
    if (standing?.cancelledAt === undefined || active.stop.reason !== undefined) return false
    active.stop.make('cancelled')
    return this.#extend(active)
  }

  /** The lease counts from when it was asked for, by the steady clock: the answer may come late, and then it has to be asked for again. */
  async #extended(active: RunningAttempt, askedAt: number): Promise<boolean> {
    const { ports, settings } = this.#context
    const leftMs = settings.leaseMs - (ports.clock.steady() - askedAt)
    if (leftMs <= 0) return this.#extend(active)
    active.renewedAt = askedAt
    ports.runner.extendLease(active.claimed.nonce, leftMs)
    return true
  }
}

function makeJob(claimed: ClaimedAttempt, leaseMs: number, isHandedOn: boolean): Job {
  const { task, planned, upstreams, dependencies, checkpoint, memoryMb, budgets, nonce, replaces } = claimed
  return {
    run: task.run,
    task: planned,
    attempt: task.attempt,
    nonce,
    upstreams,
    dependencies,
    budgets,
    leaseMs,
    ...(replaces === undefined ? {} : { replaces }),
    ...(isHandedOn ? { isHandedOn } : {}),
    ...(memoryMb === undefined ? {} : { memoryMb }),
    ...(checkpoint === undefined ? {} : { checkpoint }),
  }
}

function makeUndecidedEnding(error: unknown): Ending {
  const message = `its end could not be decided: ${readErrorMessage(error)}`
  return { outcome: 'failed', isFinal: true, failure: { outcome: 'failed', message } }
}

/** Whether another end or attempt has been written over ours. */
function isTakenAway(task: TaskRun | undefined, nonce: string): boolean {
  return task === undefined || task.nonce !== nonce || hasTaskEnded(task.status)
}
