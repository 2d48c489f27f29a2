import type { Home } from '../../../control/home.ts'
import type { Delivery } from '../../../core/ports/deciding.ts'
import type { Ending, Job, Runner } from '../../../core/ports/working.ts'
import type { HandOnOptions } from '../../../engine/hand-on.ts'
import { Worker, type WorkOptions } from '../../../engine/work.ts'

/** A function's last seconds: the body is told to stop, what it leaves is written. */
const LAST_MS = 10_000

/**
 * Runs the attempts of messages that Lambda has taken from the queue, and what they hand on. Their lease is kept while they run; a
 * body that would outlive the function is timed out before. One that was handed on has only the rest of the function's time, so
 * what may take longer is left to a function of its own, and what does is interrupted, which does not count against it.
 */
export function makeLambdaWorkerHandler(
  { context }: Home,
  { handOn, ...options }: Omit<WorkOptions, 'concurrency'> = {},
) {
  const { clock, runner } = context.ports
  let until = 0
  const leftMs = () => until - clock.now()
  const bounded = { ...context, ports: { ...context.ports, runner: withinTime(runner, leftMs) } }
  return async (deliveries: Delivery[], remainingMs: number): Promise<void> => {
    until = clock.now() + remainingMs - LAST_MS
    const worker = new Worker(bounded, {
      ...options,
      concurrency: deliveries.length,
      ...(handOn && { handOn: handOnWithin(handOn, leftMs) }),
    })
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

/** Leaves to another function what may take longer than the time that is left. */
const handOnWithin = ({ forMs, mayRun }: HandOnOptions, leftMs: () => number): HandOnOptions => ({
  forMs,
  mayRun: (planned, task) => (planned.policy.timeoutMs ?? 0) <= leftMs() && mayRun(planned, task),
})

/** No body gets more time than is left when it starts. One that was handed on and says no time of its own is interrupted then. */
function withinTime(runner: Runner, leftMs: () => number): Runner {
  const bound = (job: Job): Job => {
    const { timeoutMs = Number.POSITIVE_INFINITY } = job.task.policy
    const policy = { ...job.task.policy, timeoutMs: Math.max(1, Math.min(timeoutMs, leftMs())) }
    return { ...job, task: { ...job.task, policy } }
  }
  return {
    ...runner,
    async run(job, hooks) {
      const isCut = job.isHandedOn === true && job.task.policy.timeoutMs === undefined
      const ending = await runner.run(bound(job), hooks)
      return isCut && ending.outcome === 'timed_out' ? interrupt(ending) : ending
    },
  }
}

const interrupt = (ending: Ending): Ending => ({
  ...ending,
  outcome: 'interrupted',
  failure: {
    outcome: 'interrupted',
    message: 'the function in which it was begun had no time left; it begins again in one of its own',
  },
})
