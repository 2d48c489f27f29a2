import { AsyncLocalStorage } from 'node:async_hooks'
import { makeBodyLog, redirectConsole } from '../body/attempt-log.ts'
import type { BodyJob } from '../body/body-job.ts'
import { executeBodyJob } from '../body/execute-job.ts'
import { cutLogLine } from '../core/mask.ts'
import type { Logs } from '../core/ports/looking.ts'
import type { BodyEnd, Ending, Job, Runner, Storage } from '../core/ports/working.ts'
import type { Log } from '../define/body.ts'
import type { Markers } from '../define/targets/marker.ts'
import type { TaskDefinition } from '../define/task.ts'
import { type Attempt, type AttemptHandle, makeAttemptRunner } from './attempt.ts'

/** What the runner is composed of. */
export interface InlineRunnerOptions {
  tasks: ReadonlyMap<string, TaskDefinition>
  storage: Storage
  markers: Markers
  logs: Logs
  /** Gathers secrets and results of markers. */
  prepare(job: Job): Promise<BodyJob>
  /** The ending of an attempt as its body reported it; finds what was yielded. */
  conclude(end: BodyEnd): Promise<Ending>
}

/**
 * Runs bodies in this process: quick to start and easy to debug, but nothing isolates them. A body that does not
 * heed its signal cannot be stopped; memory is not limited.
 */
export function makeInlineRunner(options: InlineRunnerOptions): Runner {
  const current = new AsyncLocalStorage<Log>()
  redirectConsole(() => current.getStore())
  const { prepare, logs } = options
  const kind = {
    prepare,
    async start(attempt: Attempt, prepared: BodyJob): Promise<AttemptHandle> {
      const log = makeBodyLog((level, text) =>
        attempt.output.write([{ at: Date.now(), level, ...cutLogLine(text) }]),
      )
      const end = current.run(log, () => runBody(options, attempt, prepared, log))
      return {
        ...UNSTOPPABLE,
        exit: end.then((end) => ({ is: 'reported', end })),
        conclude: options.conclude,
      }
    },
  }
  return { ...makeAttemptRunner(kind, { logs, graceMs: 0 }), async close() {} }
}

/** A body of this process has the attempt's signal, and nothing else can end it. */
const UNSTOPPABLE = { stop() {}, kill() {}, extendLease() {}, release() {} }

function runBody(
  { tasks, storage, markers }: InlineRunnerOptions,
  attempt: Attempt,
  prepared: BodyJob,
  log: Log,
): Promise<BodyEnd> {
  return executeBodyJob(tasks, prepared, {
    surroundings: { storage, markers },
    log,
    getSignal: () => attempt.signal,
    onProgress: (progress) => attempt.onProgress(progress),
    mayPublish: () => attempt.mayPublish(),
    reserve: (budget, amount) => attempt.reserve(budget, amount),
    block: (budget, until) => attempt.block(budget, until),
  })
}
