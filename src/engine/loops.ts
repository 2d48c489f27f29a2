import { Interrupt } from '../core/interrupt.ts'
import { advanceFeed } from './advance.ts'
import { applyConfiguredLimits } from './apply-limits.ts'
import { auditOpenRuns } from './audit.ts'
import type { Context } from './context.ts'
import { endAbandonedJobs, loseOrphanedAttempts, tickDueRecords } from './tick.ts'
import type { Worker } from './work.ts'

const TICK_MS = 1_000
const ORPHANS_MS = 5_000
const ABANDONED_MS = 60_000
/** Changes send a wake signal; this pause is only for what becomes due by time. */
const IDLE_MS = 200

/** The running loops of one process. */
export interface Loops {
  /** Deciding has not come to rest: its last look at the feed has found something, or has not ended. */
  readonly isDeciding: boolean
  /** Waits for a promise; rejects early when a loop fails: the state cannot be used any more. */
  wait(promise: Promise<unknown>): Promise<void>
  /** Lets the bodies stop first, then ends the loops. */
  stop(): Promise<void>
}

/**
 * Starts deciding (feed and tick) and, if there is a worker, executing with its heartbeats. `onRepaired` is told how
 * many records an audit had to repair.
 */
export function startEngineLoops(
  context: Context,
  worker?: Worker,
  onRepaired: (count: number) => void = () => {},
): Loops {
  const { clock } = context.ports
  const { auditMs, heartbeatMs } = context.settings
  const deciding: Context = { ...context, ports: { ...context.ports, ...context.speculative } }
  const failure = new Interrupt()
  const stopping = new Interrupt()
  let isStopped = false
  let isDeciding = true

  const every = async (ms: number, step: () => Promise<unknown>, firstAfterMs = 0) => {
    let dueAt = clock.steady() + firstAfterMs
    while (!isStopped) {
      if (clock.steady() >= dueAt) {
        await step()
        dueAt = clock.steady() + ms
      }
      // No timer outlasts the loops for long, because it would keep a process from ending.
      await stopping.wait(clock.sleep(Math.min(dueAt - clock.steady(), TICK_MS)))
    }
  }
  const follow = async () => {
    while (!isStopped) {
      const idle = clock.listen('events')
      isDeciding = true
      isDeciding = (await advanceFeed(deciding)) > 0
      if (!isDeciding) await stopping.wait(idle(IDLE_MS))
    }
  }
  const audit = async () => {
    const repaired = await auditOpenRuns(context)
    if (repaired > 0) onRepaired(repaired)
  }
  const loops = [
    applyConfiguredLimits(context),
    follow(),
    every(TICK_MS, () => tickDueRecords(context)),
    every(ORPHANS_MS, () => loseOrphanedAttempts(context)),
    every(auditMs, audit, auditMs),
    every(ABANDONED_MS, () => endAbandonedJobs(context)),
  ]
  const executing = worker && [worker.run(), every(heartbeatMs, () => worker.extendLeases())]
  for (const loop of [...loops, ...(executing ?? [])]) loop.catch((error) => failure.fail(error))

  return {
    get isDeciding() {
      return isDeciding
    },
    wait: (promise) => failure.wait(promise),
    async stop() {
      worker?.stop()
      await executing?.[0]
      isStopped = true
      stopping.end()
      await Promise.all(loops)
      while ((await advanceFeed(context)) > 0);
    },
  }
}
