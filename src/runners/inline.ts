import { AsyncLocalStorage } from 'node:async_hooks'
import { captureConsole, logTo } from '../body/attempt-log.ts'
import type { BodyJob } from '../body/body-job.ts'
import { executeJob } from '../body/execute-job.ts'
import { failureOfBody } from '../body/failure.ts'
import { SluiceError } from '../core/errors.ts'
import { keptLine, maskedFailure, maskedLogLine, maskedProgress, maskOf } from '../core/mask.ts'
import type { AttemptOutcome, Progress } from '../core/model.ts'
import type { BodyEnd, Ending, Job, JobHooks, Logs, Runner, Storage } from '../core/ports.ts'
import { startTimer } from '../core/timer.ts'
import type { Log } from '../define/body.ts'
import type { Markers } from '../define/targets/marker.ts'
import type { TaskDefinition } from '../define/task.ts'

/** What the runner is composed of. */
export interface InlineRunnerOptions {
  tasks: ReadonlyMap<string, TaskDefinition>
  storage: Storage
  markers: Markers
  logs: Logs
  prepare(job: Job): Promise<BodyJob>
  conclude(end: BodyEnd): Promise<Ending>
}

/**
 * Runs bodies in this process: quick to start and easy to debug, but nothing isolates them. A body that does not
 * heed its signal cannot be stopped; memory is not limited.
 */
export function inlineRunner(options: InlineRunnerOptions): Runner {
  const logs = new AsyncLocalStorage<Log>()
  captureConsole(() => logs.getStore())
  return {
    async run(job, hooks) {
      const prepared = await options.prepare(job).catch(asError)
      if (prepared instanceof Error) {
        // A secret that is not set is not there at the next attempt either.
        const isFinal = prepared instanceof SluiceError && prepared.source === 'user'
        return { outcome: 'failed', failure: failureOfBody(prepared), ...(isFinal ? { isFinal } : {}) }
      }
      const mask = maskOf(Object.values(prepared.secrets))
      const kept = options.logs.open({ run: job.run, number: job.task.number, attempt: job.attempt })
      const log = logTo((level, text) =>
        kept.write([maskedLogLine({ at: Date.now(), level, ...keptLine(text) }, mask)]),
      )
      const onProgress = (progress: Progress) => hooks.onProgress(maskedProgress(progress, mask))
      const masking = { ...hooks, onProgress }
      const ending = await logs.run(log, () => runBody(options, job, prepared, masking, log))
      if (ending.failure === undefined) return ending
      return { ...ending, failure: maskedFailure(ending.failure, mask), tail: kept.tail() }
    },
    beat() {},
    async close() {},
  }
}

const asError = (error: unknown) => (error instanceof Error ? error : new Error(String(error)))

/** The reason that `AbortSignal.timeout` gives. */
const TOO_LONG = new DOMException('The attempt took longer than its timeout', 'TimeoutError')

async function runBody(
  { tasks, storage, markers, conclude }: InlineRunnerOptions,
  job: Job,
  prepared: BodyJob,
  hooks: JobHooks,
  log: Log,
): Promise<Ending> {
  const { timeoutMs } = job.task.policy
  const timeout = new AbortController()
  const timer = timeoutMs === undefined ? undefined : startTimer(timeoutMs, () => timeout.abort(TOO_LONG))
  const reasonOf = (): AttemptOutcome | undefined =>
    timeout.signal.aborted ? 'timed_out' : hooks.signal.aborted ? hooks.signal.reason : undefined
  const end = await executeJob(tasks, prepared, {
    surroundings: { storage, markers },
    log,
    signal: timer === undefined ? hooks.signal : AbortSignal.any([hooks.signal, timeout.signal]),
    onProgress: hooks.onProgress,
    mayPublish: async () => [undefined, 'interrupted'].includes(reasonOf()) && (await hooks.mayPublish()),
    reserve: hooks.reserve,
    block: hooks.block,
  }).finally(() => timer?.cancel())
  const ending = await conclude(end)
  const outcome = reasonOf()
  if (ending.outcome !== 'failed' || outcome === undefined) return ending
  return { ...ending, outcome, failure: { ...(ending.failure ?? { message: outcome }), outcome } }
}
