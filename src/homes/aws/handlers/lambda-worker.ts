import type { Home } from '../../../control/home.ts'
import type { Delivery } from '../../../core/ports/deciding.ts'
import type { Job, Runner } from '../../../core/ports/working.ts'
import { type WorkEvents, Worker } from '../../../engine/work.ts'

/** A function's last seconds: the body is told to stop, what it leaves is written. */
const LAST_MS = 10_000

/**
 * Runs the attempts of messages that Lambda has taken from the queue. Their lease is kept while they run; a body that
 * would outlive the function is timed out before.
 */
export function makeLambdaWorkerHandler({ context }: Home, events: WorkEvents = {}) {
  const { clock, runner } = context.ports
  let until = 0
  const bounded = {
    ...context,
    ports: { ...context.ports, runner: withinTime(runner, () => until - clock.now()) },
  }
  return async (deliveries: Delivery[], remainingMs: number): Promise<void> => {
    until = clock.now() + remainingMs - LAST_MS
    const worker = new Worker(bounded, { ...events, concurrency: deliveries.length })
    const heartbeat = setInterval(
      () => void worker.extendLeases().catch(console.error),
      context.settings.heartbeatMs,
    )
    try {
      await Promise.all(deliveries.map((delivery) => worker.perform(delivery)))
    } finally {
      clearInterval(heartbeat)
    }
  }
}

/** No body gets more time than is left when it starts. */
function withinTime(runner: Runner, leftMs: () => number): Runner {
  const bounded = (job: Job): Job => {
    const { timeoutMs = Number.POSITIVE_INFINITY } = job.task.policy
    const policy = { ...job.task.policy, timeoutMs: Math.max(1, Math.min(timeoutMs, leftMs())) }
    return { ...job, task: { ...job.task, policy } }
  }
  return { ...runner, run: (job, hooks) => runner.run(bounded(job), hooks) }
}
