import { keys } from '../../src/core/keys.ts'
import type { Ending } from '../../src/core/ports/working.ts'
import type { ClaimedAttempt } from '../../src/engine/claim.ts'
import type { Context } from '../../src/engine/context.ts'
import { finishAttempt } from '../../src/engine/finish.ts'
import { takeOverAttempt } from '../../src/engine/take-over.ts'
import type { FakeJob, FakeLauncher } from '../support/fake-launcher.ts'

/** What the jobs of a world share with it. */
export interface JobWorld {
  random(): number
  launcher: FakeLauncher
  violations: string[]
  /** Does something as one process; false if it was cut. */
  perform(does: (context: Context) => Promise<void>): Promise<boolean>
  /** A body of the task has ended so; called before its end is written. */
  note(number: number, outcome: 'succeeded' | 'failed'): void
  /** Whether a program may still fail without using up the policy of its task. */
  mayFail(number: number): boolean
}

interface Keeper {
  claimed?: ClaimedAttempt
  isBusy: boolean
}

const FAILED: Ending = { outcome: 'failed', failure: { outcome: 'failed', message: 'the program failed' } }

/**
 * Keepers beside the programs of a world: each takes its attempt over, extends the lease, writes the end, and may hang, be killed or cut
 * at any moment. Checks that no two bodies of a task run at once.
 */
export class Keepers {
  /** By the handles of their jobs. */
  readonly #keepers = new Map<string, Keeper>()
  /** Handles of the jobs whose bodies run, by task. */
  readonly #bodies = new Map<number, Set<string>>()
  readonly #world: JobWorld

  constructor(world: JobWorld) {
    this.#world = world
  }

  /** Whether a body of the task runs. */
  isRunning(number: number): boolean {
    return (this.#bodies.get(number)?.size ?? 0) > 0
  }

  /** A job begins to run: its keeper does. */
  begin({ handle }: FakeJob): void {
    this.#world.launcher.move(handle, 'running')
  }

  /** The keeper of a job that runs does something. */
  async serve(job: FakeJob): Promise<void> {
    const keeper = this.#keepers.get(job.handle) ?? { isBusy: false }
    this.#keepers.set(job.handle, keeper)
    if (keeper.isBusy) return
    keeper.isBusy = true
    const fate = this.#world.random()
    if (fate < 0.1) this.#die(job)
    else if (keeper.claimed === undefined) await this.#begin(job, keeper)
    else if (job.isStopAsked && fate < 0.7)
      await this.#end(job, keeper.claimed, { outcome: 'interrupted' }, 'cancelled')
    else if (fate < 0.3) await this.#extend(job, keeper.claimed)
    else if (fate > 0.5) await this.#finish(job, keeper.claimed)
    keeper.isBusy = false
  }

  async #begin(job: FakeJob, keeper: Keeper): Promise<void> {
    const { handover } = job.order
    const isWhole = await this.#world.perform(async (context) => {
      const settings = { ...context.settings, worker: `keeper/${job.handle}` }
      const claimed = await takeOverAttempt({ ...context, settings }, handover, { handle: job.handle })
      if (claimed !== undefined) keeper.claimed = claimed
    })
    if (!isWhole || keeper.claimed === undefined) return this.#die(job)
    const bodies = this.#bodies.get(handover.number) ?? new Set()
    if (bodies.size > 0) this.#world.violations.push(`two bodies of task ${handover.number} run at once`)
    this.#bodies.set(handover.number, bodies.add(job.handle))
  }

  /** What a heartbeat writes; one that is told that the attempt is over stops its body. */
  async #extend(job: FakeJob, { task, nonce }: ClaimedAttempt): Promise<void> {
    let isOurs = false
    const isWhole = await this.#world.perform(async ({ ports, settings }) => {
      const leaseUntil = ports.clock.steady() + settings.leaseMs
      const result = await ports.store.write([
        {
          key: keys.taskRun(task.run, task.number),
          set: { leaseUntil },
          if: { status: 'running', attempt: task.attempt, nonce },
        },
      ])
      isOurs = result.ok
    })
    if (!isWhole || !isOurs) this.#die(job)
  }

  async #finish(job: FakeJob, claimed: ClaimedAttempt): Promise<void> {
    const { number } = claimed.task
    const hasFailed = this.#world.random() < 0.2 && this.#world.mayFail(number)
    this.#world.note(number, hasFailed ? 'failed' : 'succeeded')
    await this.#end(job, claimed, hasFailed ? FAILED : { outcome: 'succeeded' }, 'succeeded')
  }

  /** The body is over before its end is written, and the job after that. */
  async #end(
    job: FakeJob,
    claimed: ClaimedAttempt,
    ending: Ending,
    cause: 'succeeded' | 'cancelled',
  ): Promise<void> {
    this.#bodies.get(claimed.task.number)?.delete(job.handle)
    await this.#world.perform(async (context) => {
      await finishAttempt(context, claimed, ending)
    })
    this.#world.launcher.end(job.handle, { cause, exitCode: 0, message: 'its keeper has ended' })
  }

  #die({ handle, order }: FakeJob): void {
    this.#bodies.get(order.handover.number)?.delete(handle)
    this.#world.launcher.end(handle, { cause: 'failed', exitCode: 137, message: 'its keeper was killed' })
  }
}
