import type { BodyJob } from '../../body/body-job.ts'
import { readErrorMessage } from '../../core/errors.ts'
import type { BodyEnd, Ending, Job, Runner } from '../../core/ports/working.ts'
import type { StartTimes } from '../../core/records/launch.ts'
import {
  type Attempt,
  type AttemptHandle,
  type AttemptKind,
  type AttemptOptions,
  makeAttemptRunner,
} from '../attempt.ts'
import type { AttemptExit } from '../attempt-end.ts'
import { explainChildDeath } from './child-death.ts'
import { ChildPool, type ChildPoolOptions } from './child-pool.ts'
import type { Child, ChildEnd } from './child-process.ts'
import type { FromChild, Question } from './protocol.ts'
import { type Supervises, Supervision } from './supervision.ts'

/** What the runner is composed of. */
export interface ProcessRunnerOptions extends AttemptOptions, Omit<ChildPoolOptions, 'supervision'> {
  /** Modules of the project that define these families. */
  modulesOf(families: ReadonlySet<string>): string[]
  /** Gathers what only the parent may read: secrets and results of markers. */
  prepare(job: Job): Promise<BodyJob>
  /** The ending of an attempt as its body reported it; finds what was yielded. */
  conclude(end: BodyEnd): Promise<Ending>
  /** @default a process that kills children at the end of their lease */
  supervision?: Supervises
}

/** Runs each attempt in a child process; a process serves one run, or one attempt if the task asks for it. */
export function makeProcessRunner(options: ProcessRunnerOptions): Runner {
  const pool = new ChildPool({ ...options, supervision: options.supervision ?? new Supervision() })
  const kind: AttemptKind<BodyJob> = {
    prepare: options.prepare,
    async start(attempt, bodyJob) {
      const { task, upstreams } = attempt.job
      const modules = options.modulesOf(new Set([task, ...upstreams].map(({ family }) => family)))
      // Node throws what the kernel refuses, for instance for want of memory.
      const child = await pool.acquire(attempt.job, modules).catch((error) => {
        throw new Error(describeNoProcess(readErrorMessage(error)), { cause: error })
      })
      const isFresh = child.readyAt === undefined
      const end = executeInChild(child, attempt, bodyJob, modules)
      return makeAttemptHandle({ child, isFresh, attempt, end, pool, conclude: options.conclude })
    },
  }
  return {
    ...makeAttemptRunner(kind, options),
    renew: () => pool.renew(),
    close: async () => pool.close(),
  }
}

const describeNoProcess = (why: string) => `no process could be started: ${why}`

interface HandleParts {
  child: Child
  /** It is not ready yet, so that the attempt waits for it. */
  isFresh: boolean
  attempt: Attempt
  end: Promise<ChildEnd>
  pool: ChildPool
  conclude: ProcessRunnerOptions['conclude']
}

function makeAttemptHandle({ child, isFresh, attempt, end, pool, conclude }: HandleParts): AttemptHandle {
  let isReusable = false
  return {
    exit: end.then((end) => {
      isReusable = end.is === 'done' && end.message.left.length === 0 && attempt.reason === undefined
      const exit = toAttemptExit(end, attempt)
      return isFresh ? { ...exit, times: timesOf(child) } : exit
    }),
    stop: (reason) => child.send({ type: 'stop', reason }),
    kill: () => child.kill(),
    extendLease: (leaseMs) => child.extendLease(leaseMs),
    conclude,
    release: () => pool.release(child, attempt.job, { isReusable }),
  }
}

const timesOf = ({ startingAt, readyAt }: Child): StartTimes => ({
  startingAt,
  ...(readyAt === undefined ? {} : { runningAt: readyAt }),
})

function executeInChild(
  child: Child,
  attempt: Attempt,
  bodyJob: BodyJob,
  modules: string[],
): Promise<ChildEnd> {
  return child.execute(bodyJob, modules, attempt.leaseLeftMs(), {
    onLines: (lines) => attempt.output.write(lines),
    onMessage(message) {
      if (message.type === 'progress') attempt.onProgress(message.progress)
      if (message.type === 'question') void answerChild(child, message, attempt)
    },
  })
}

/** A question that cannot be answered fails in the body. */
async function answerChild(
  child: Child,
  { id, question }: FromChild & { type: 'question' },
  attempt: Attempt,
): Promise<void> {
  const answer = await findAnswer(question, attempt).catch((error) => ({ error: readErrorMessage(error) }))
  child.send({ type: 'answer', id, ...answer })
}

/** JSON has no undefined. */
async function findAnswer(question: Question, attempt: Attempt): Promise<{ answer: unknown }> {
  switch (question.ask) {
    case 'may-publish':
      return { answer: await attempt.mayPublish() }
    case 'reserve':
      return { answer: (await attempt.reserve(question.budget, question.amount)) ?? null }
    case 'block':
      await attempt.block(question.budget, question.until)
      return { answer: null }
  }
}

/** An exit is a fact of the process: its last word, its exit code, its signal. */
function toAttemptExit(end: ChildEnd, { job, output, reason }: Attempt): AttemptExit {
  switch (end.is) {
    case 'not-started': {
      const message = describeNoProcess(end.message)
      // What is killed while it starts has not failed to start.
      return reason === undefined
        ? { is: 'not-started', message }
        : { is: 'died', failure: { outcome: 'lost', message } }
    }
    case 'died':
      return { is: 'died', failure: explainChildDeath(end, job) }
    case 'done': {
      const { end: reported, peakMemoryBytes, cpuSeconds, left } = end.message
      const text = `The process ends with this task, which left behind: ${left.join(', ')}.`
      if (left.length > 0) output.write([{ at: Date.now(), level: 'debug', text }])
      return { is: 'reported', end: reported, peakMemoryBytes, cpuSeconds }
    }
  }
}
