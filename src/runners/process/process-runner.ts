import type { BodyJob } from '../../body/body-job.ts'
import { messageOf, SluiceError } from '../../core/errors.ts'
import { type Mask, maskedFailure, maskedLogLine, maskedProgress, maskOf } from '../../core/mask.ts'
import type { AttemptOutcome } from '../../core/model.ts'
import type { BodyEnd, Ending, Job, JobHooks, LogLine, Logs, Runner } from '../../core/ports.ts'
import { startTimer, type Timer } from '../../core/timer.ts'
import { killedFromOutside } from '../os/killed.ts'
import { Child, type ChildDeath, type ChildEnd } from './child-process.ts'
import type { FromChild, Question } from './protocol.ts'
import { type Supervises, Supervision } from './supervision.ts'

/** What the runner is composed of. */
export interface ProcessRunnerOptions {
  /** The module that a child runs, which serves one run or one attempt. */
  entry(fresh: 'run' | 'attempt'): string | Promise<string>
  args: string[]
  logs: Logs
  /** Modules of the project that define these families. */
  modulesOf(families: ReadonlySet<string>): string[]
  /** Gathers what only the parent may read: secrets and results of markers. */
  prepare(job: Job): Promise<BodyJob>
  /** The ending of an attempt as its body told it; finds what was yielded. */
  conclude(end: BodyEnd): Promise<Ending>
  /** How long a body may take to stop after it was asked to. */
  graceMs: number
  /** @default a process that kills children at the end of their lease */
  supervision?: Supervises
  /** See {@link ChildOptions}. */
  scratch?: string
  /** How many idle processes are kept for the next attempts of their runs. @default no limit */
  mostIdle?: number
}

/** Idle processes of a run end after this time. */
const IDLE_MS = 10_000
const TIMEOUT_GRACE_MS = 2_000

/** Runs each attempt in a child process; a process serves one run, or one attempt where the task asks for it. */
export function processRunner(options: ProcessRunnerOptions): Runner {
  /** Idle processes, and what ends them. */
  const idle = new Map<Child, NodeJS.Timeout>()
  const busy = new Map<string, Child>()
  let spare: Child | undefined
  /** Processes that know definitions of before. */
  const stale = new WeakSet<Child>()

  const { args, scratch, supervision = new Supervision(), mostIdle = Number.POSITIVE_INFINITY } = options

  async function acquire({ run, task, memoryMb }: Job, modules: string[]): Promise<Child> {
    const { fresh } = task.policy
    const entry = await options.entry(fresh)
    const start = (memoryMb?: number) =>
      new Child({ entry, args, supervision, ...(scratch && { scratch }), ...(memoryMb && { memoryMb }) })
    const reusable = [...idle.keys()].find(
      (child) => child.isAlive && child.run === run && child.memoryMb === memoryMb,
    )
    if (fresh === 'run' && reusable !== undefined) {
      clearTimeout(idle.get(reusable))
      idle.delete(reusable)
      return reusable
    }
    for (const child of [...idle.keys()].slice(0, Math.max(0, idle.size + 1 - mostIdle))) end(child)
    const isPrepared = spare?.isAlive && memoryMb === undefined
    const child = isPrepared && spare ? spare : start(memoryMb)
    if (child === spare) spare = undefined
    // The next fresh process starts while this attempt runs.
    if (fresh === 'attempt' && memoryMb === undefined && spare === undefined) {
      spare = start()
      spare.prepare(modules)
    }
    return child
  }

  function release(child: Child, job: Job, isReusable: boolean): void {
    if (!isReusable || stale.has(child) || !child.isAlive || job.task.policy.fresh === 'attempt') {
      child.kill()
      return
    }
    idle.set(child, setTimeout(end, IDLE_MS, child).unref())
  }

  function end(child: Child): void {
    clearTimeout(idle.get(child))
    idle.delete(child)
    child.kill()
  }

  return {
    async run(job, hooks) {
      let childJob: BodyJob
      try {
        childJob = await options.prepare(job)
      } catch (error) {
        // A secret that is not set is not there at the next attempt either.
        const isFinal = error instanceof SluiceError && error.source === 'user'
        return { ...failed('failed', messageOf(error)), ...(isFinal ? { isFinal } : {}) }
      }
      const families = new Set([job.task, ...job.upstreams].map(({ family }) => family))
      const modules = options.modulesOf(families)
      const child = await acquire(job, modules).catch(asError)
      // Node throws what the kernel refuses, for instance for want of memory.
      if (child instanceof Error) return failed('not_started', noProcess(child.message))
      busy.set(job.nonce, child)
      const attempt = await runIn(child, { job, childJob, modules }, hooks, options)
      busy.delete(job.nonce)
      release(child, job, attempt.isReusable)
      return attempt.ending
    },
    beat: (nonce, leaseMs) => busy.get(nonce)?.beat(leaseMs),
    renew() {
      for (const child of [...idle.keys(), ...(spare ? [spare] : [])]) child.kill()
      idle.clear()
      spare = undefined
      for (const child of busy.values()) stale.add(child)
    },
    async close() {
      for (const child of [...idle.keys(), ...(spare ? [spare] : []), ...busy.values()]) child.kill()
      idle.clear()
      supervision.close()
    },
  }
}

const asError = (error: unknown) => (error instanceof Error ? error : new Error(String(error)))
const noProcess = (why: string) => `no process could be started: ${why}`

const failed = (outcome: AttemptOutcome, message: string): Ending => ({
  outcome,
  failure: { outcome, message },
})

/** A job with what the child is told of it. */
interface Prepared {
  job: Job
  childJob: BodyJob
  modules: string[]
}

async function runIn(
  child: Child,
  { job, childJob, modules }: Prepared,
  hooks: JobHooks,
  { logs, graceMs, conclude }: ProcessRunnerOptions,
): Promise<{ ending: Ending; isReusable: boolean }> {
  const mask = maskOf(Object.values(childJob.secrets))
  const log = logs.open({ run: job.run, number: job.task.number, attempt: job.attempt })
  const stop = stopper(child, job, hooks.signal, graceMs)
  let broken: unknown
  const end = await child.execute(childJob, modules, job.leaseMs, {
    onLines(lines) {
      try {
        log.write(lines.map((line) => maskedLogLine(line, mask)))
      } catch (error) {
        broken = error
        child.kill()
      }
    },
    onMessage(message) {
      if (message.type === 'progress') hooks.onProgress(maskedProgress(message.progress, mask))
      if (message.type === 'question') void answer(child, message, hooks, stop.reason())
    },
  })
  stop.over()
  if (broken !== undefined) throw broken
  const left = end.is === 'done' ? end.message.left : []
  if (left.length > 0) log.write([leftLine(left)])
  const ending = await endingOf(end, stop.reason(), job, conclude)
  const tail = ending.outcome === 'succeeded' ? {} : { tail: log.tail() }
  return {
    ending: { ...masked(ending, mask), ...tail },
    isReusable: end.is === 'done' && left.length === 0 && stop.reason() === undefined,
  }
}

const leftLine = (left: string[]): LogLine => ({
  at: Date.now(),
  level: 'debug',
  text: `The process ends with this task, which left behind: ${left.join(', ')}.`,
})

async function answer(
  child: Child,
  { id, question }: FromChild & { type: 'question' },
  hooks: JobHooks,
  reason: AttemptOutcome | undefined,
): Promise<void> {
  const given = await answerTo(question, hooks, reason).catch(() => false)
  child.send({ type: 'answer', id, answer: given })
}

async function answerTo(
  question: Question,
  hooks: JobHooks,
  reason: AttemptOutcome | undefined,
): Promise<unknown> {
  switch (question.ask) {
    case 'may-publish':
      return (reason === undefined || reason === 'interrupted') && (await hooks.mayPublish())
    case 'reserve':
      return (await hooks.reserve(question.budget, question.amount)) ?? null
    case 'block':
      return hooks.block(question.budget, question.until)
  }
}

/** Asks the body to stop at its timeout or on the signal, and kills it after the grace. */
function stopper(child: Child, job: Job, signal: AbortSignal, graceMs: number) {
  let reason: AttemptOutcome | undefined
  let kill: Timer | undefined
  const stop = (why: AttemptOutcome) => {
    if (reason !== undefined) return
    reason = why
    child.send({ type: 'stop', reason: why })
    kill = startTimer(graceOf(why, graceMs), () => child.kill())
  }
  const onAbort = () => stop(signal.reason as AttemptOutcome)
  if (signal.aborted) onAbort()
  signal.addEventListener('abort', onAbort)
  const { timeoutMs } = job.task.policy
  const timeout = timeoutMs === undefined ? undefined : startTimer(timeoutMs, () => stop('timed_out'))
  return {
    reason: () => reason,
    over() {
      signal.removeEventListener('abort', onAbort)
      timeout?.cancel()
      kill?.cancel()
    },
  }
}

/** A body that had its time gets little more; one that lost its lease gets none. */
function graceOf(why: AttemptOutcome, graceMs: number): number {
  if (why === 'lost') return 0
  return why === 'timed_out' ? Math.min(graceMs, TIMEOUT_GRACE_MS) : graceMs
}

/** An ending is a fact of the process: its last word, its exit code, its signal. */
async function endingOf(
  end: ChildEnd,
  reason: AttemptOutcome | undefined,
  job: Job,
  conclude: ProcessRunnerOptions['conclude'],
): Promise<Ending> {
  if (end.is === 'not-started') return failed('not_started', noProcess(end.message))
  if (end.is === 'done') {
    const { end: told, peakMemoryBytes, cpuSeconds } = end.message
    // What failed while it was asked to stop failed because of that.
    const isStopped = told.outcome === 'failed' && reason !== undefined
    const { checkpoint, spent } = told
    const left = {
      ...(checkpoint === undefined ? {} : { checkpoint }),
      ...(spent === undefined ? {} : { spent }),
    }
    const ending = isStopped ? { ...failed(reason, stopMessage(reason, job)), ...left } : await conclude(told)
    return { ...ending, peakMemoryBytes, cpuSeconds }
  }
  if (reason !== undefined) return failed(reason, stopMessage(reason, job))
  return endingOfDeath(end, job)
}

/** A death that the body has no part in uses up no retry. */
function endingOfDeath({ isOutOfMemory, stray, isOverdue, exitCode, signal }: ChildDeath, job: Job): Ending {
  if (stray !== undefined) return failed('lost', `an earlier task in the same process ended it: ${stray}`)
  if (isOutOfMemory) return failed('out_of_memory', outOfMemoryMessage(job))
  if (signal === 'SIGKILL' && isOverdue)
    return failed('lost', 'the process was killed because the lease had ended: its engine was held up')
  const failure = killedFromOutside('the process', exitCode, signal)
  if (failure !== undefined) return { outcome: failure.outcome, failure }
  const how = signal ? `was killed by ${signal}` : `exited with code ${exitCode}`
  return failed('failed', `the process ${how} before the task had ended`)
}

function stopMessage(reason: AttemptOutcome, job: Job): string {
  if (reason !== 'timed_out') return `the attempt was stopped (${reason})`
  return `it took longer than its timeout of ${(job.task.policy.timeoutMs ?? 0) / 1000} s`
}

function outOfMemoryMessage({ memoryMb }: Job): string {
  return memoryMb === undefined
    ? "the heap was full at Node's own limit; give the task a larger memoryMb"
    : `the heap was full at ${memoryMb} MB (memoryMb)`
}

function masked(ending: Ending, mask: Mask): Ending {
  return ending.failure === undefined ? ending : { ...ending, failure: maskedFailure(ending.failure, mask) }
}
