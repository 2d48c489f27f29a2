import type { JobEnd } from '../../src/core/ports/launching.ts'
import type { FakeJob } from '../support/fake-launcher.ts'
import type { JobWorld } from './keepers.ts'

/** Jobs without keepers: the service itself tells how they end. Checks that no two jobs of a task run at once. */
export class ToldJobs {
  readonly #world: JobWorld

  constructor(world: JobWorld) {
    this.#world = world
  }

  /** Whether a job of the task runs. */
  isRunning(number: number): boolean {
    return this.#world.launcher.open.some(
      ({ state, order }) => state.is === 'running' && order.handover.number === number,
    )
  }

  /** A job begins to run. */
  begin({ handle, order }: FakeJob): void {
    const { number } = order.handover
    if (this.isRunning(number)) this.#world.violations.push(`task ${number} runs twice at once`)
    this.#world.launcher.move(handle, 'running')
  }

  /** A job that runs ends. */
  async serve(job: FakeJob): Promise<void> {
    const { number } = job.order.handover
    const end = this.#chooseEnd(job)
    if (end.cause === 'succeeded' || end.cause === 'failed') this.#world.note(number, end.cause)
    this.#world.launcher.end(job.handle, end)
  }

  #chooseEnd({ isStopAsked, order }: FakeJob): JobEnd {
    const fate = this.#world.random()
    if (isStopAsked && fate < 0.7) return { cause: 'cancelled', message: 'stopped' }
    if (fate < 0.1) return { cause: 'spot', message: 'capacity was taken away' }
    if (fate < 0.3 && this.#world.mayFail(order.handover.number))
      return { cause: 'failed', message: 'the program failed' }
    return { cause: 'succeeded', message: 'done' }
  }
}
