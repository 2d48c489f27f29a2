import { AsyncLocalStorage } from 'node:async_hooks'
import type { ChildJob } from '../adapters/process/protocol.ts'
import { maskOf } from '../core/mask.ts'
import type { AttemptOutcome } from '../core/model.ts'
import type { Ending, Job, JobHooks, Logs, Runner, Storage } from '../core/ports.ts'
import { captureConsole, logTo } from '../define/attempt-log.ts'
import type { Log } from '../define/body.ts'
import { execute } from '../define/execute.ts'
import { failureOfBody } from '../define/failure.ts'
import type { Markers } from '../define/targets/marker.ts'
import { instantiate, type TaskDefinition, type TaskInstance } from '../define/task.ts'

/** What the runner is composed of. */
export interface InlineRunnerOptions {
  tasks: ReadonlyMap<string, TaskDefinition>
  storage: Storage
  markers: Markers
  logs: Logs
  prepare(job: Job): Promise<ChildJob>
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
      const secrets = await options.prepare(job).then((prepared) => prepared.secrets, asError)
      if (secrets instanceof Error) return { outcome: 'failed', failure: failureOfBody(secrets) }
      const mask = maskOf(Object.values(secrets))
      const kept = options.logs.open({ run: job.run, number: job.task.number, attempt: job.attempt })
      const log = logTo((level, text) => kept.write([{ at: Date.now(), level, text: mask(text) }]))
      const ending = await logs.run(log, () => runBody(options, job, hooks, secrets, log))
      if (ending.failure) ending.failure.message = mask(ending.failure.message)
      return ending.outcome === 'succeeded' ? ending : { ...ending, tail: kept.tail() }
    },
    beat() {},
    async close() {},
  }
}

const asError = (error: unknown) => (error instanceof Error ? error : new Error(String(error)))

async function runBody(
  { tasks, storage, markers }: InlineRunnerOptions,
  job: Job,
  hooks: JobHooks,
  secrets: Record<string, string>,
  log: Log,
): Promise<Ending> {
  const { timeoutMs } = job.task.policy
  const timeout = timeoutMs === undefined ? undefined : AbortSignal.timeout(timeoutMs)
  const signal = timeout === undefined ? hooks.signal : AbortSignal.any([hooks.signal, timeout])
  const reasonOf = (): AttemptOutcome | undefined =>
    timeout?.aborted ? 'timed_out' : hooks.signal.aborted ? hooks.signal.reason : undefined
  const upstreams = new Map(job.upstreams.map((each) => [each.number, each]))
  const instanceOf = (
    planned: { family: string; params: Job['task']['params'] } | undefined,
  ): TaskInstance => {
    const definition = tasks.get(planned?.family ?? '')
    if (definition === undefined) throw new Error(`the config no longer defines the task ${planned?.family}`)
    return instantiate(definition, planned?.params ?? {})
  }
  try {
    const result = await execute({
      run: job.run,
      task: instanceOf(job.task),
      attempt: job.attempt,
      writer: job.nonce,
      ...(job.task.requires === undefined ? {} : { requires: job.task.requires }),
      upstream: (number) => instanceOf(upstreams.get(number)),
      secrets,
      surroundings: { storage, markers },
      log,
      signal,
      onProgress: hooks.onProgress,
      mayPublish: async () => [undefined, 'interrupted'].includes(reasonOf()) && (await hooks.mayPublish()),
    })
    return { outcome: 'succeeded', result }
  } catch (error) {
    const outcome = reasonOf() ?? 'failed'
    return { outcome, failure: { ...failureOfBody(error), outcome } }
  }
}
