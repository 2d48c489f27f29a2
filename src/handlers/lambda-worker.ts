import type { Delivery, Job, Runner } from '../core/ports.ts'
import { Worker } from '../engine/work.ts'
import type { Home } from '../project/home.ts'

/** A function's last seconds: the body is told to stop, what it leaves is written. */
const LAST_MS = 10_000

/**
 * Runs the attempts of messages that Lambda has taken from the queue. Their lease is kept while they run; a body that
 * would outlive the function is timed out before.
 */
export function createLambdaWorker(home: Home) {
  const { context } = home
  return async (deliveries: Delivery[], remainingMs: number): Promise<void> => {
    const runner = withinTime(context.ports.runner, () => context.ports.clock.now(), remainingMs - LAST_MS)
    const bounded = { ...context, ports: { ...context.ports, runner } }
    const worker = new Worker(bounded, { concurrency: deliveries.length })
    const beats = setInterval(() => void worker.beat().catch(console.error), context.settings.heartbeatMs)
    try {
      await Promise.all(deliveries.map((delivery) => worker.perform(delivery)))
    } finally {
      clearInterval(beats)
    }
  }
}

function withinTime(runner: Runner, now: () => number, leftMs: number): Runner {
  const until = now() + leftMs
  const bounded = (job: Job): Job => {
    const { timeoutMs = Number.POSITIVE_INFINITY } = job.task.policy
    const policy = { ...job.task.policy, timeoutMs: Math.max(1, Math.min(timeoutMs, until - now())) }
    return { ...job, task: { ...job.task, policy } }
  }
  return { ...runner, run: (job, hooks) => runner.run(bounded(job), hooks) }
}
