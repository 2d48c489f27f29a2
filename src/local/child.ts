import './resolve-self.ts'
import { flushCompileCache } from 'node:module'
import {
  type ChildJob,
  endMark,
  type FromChild,
  type Question,
  RECORD_MARK,
  type ToChild,
} from '../adapters/process/protocol.ts'
import type { BodyEnd, Reservation } from '../core/ports.ts'
import { captureConsole, logTo } from '../define/attempt-log.ts'
import { failureOfBody } from '../define/failure.ts'
import { executeJob, type JobSurroundings } from '../project/execute-job.ts'
import { loadDefinitions } from '../project/load-config.ts'
import { openStorage } from '../project/open-storage.ts'

/** The process in which bodies run: `child.ts <config> <folder or s3: URI of the storage> <pid of its parent>`. */
const [, , configPath = '', storageFolder = '', parent = ''] = process.argv
// It was for this process, not for what its bodies start.
delete process.env.NODE_COMPILE_CACHE

const storage = await openStorage(storageFolder)
const definitions = loadDefinitions(configPath)
definitions.catch(() => {})
const load = async (modules: string[]) => (await definitions)(modules)

const say = (message: FromChild) => process.send?.(message)
const log = logTo((level, text) => process.stdout.write(`${RECORD_MARK}${JSON.stringify({ level, text })}\n`))
captureConsole(() => log)

let stop = new AbortController()
const answers = new Map<number, (answer: unknown) => void>()
let questions = 0

process.on('message', (message: ToChild) => {
  // What does not load fails the job that needs it.
  if (message.type === 'load') load(message.modules).catch(() => {})
  if (message.type === 'job') void runJob(message.job, message.modules)
  if (message.type === 'stop') stop.abort(message.reason)
  if (message.type === 'answer') answers.get(message.id)?.(message.answer)
})
process.on('disconnect', () => process.exit(1))

async function runJob(job: ChildJob, modules: string[]): Promise<void> {
  stop = new AbortController()
  const before = process.cpuUsage()
  const end = await attempt(job, modules)
  const { user, system } = process.cpuUsage(before)
  const mark = `${endMark(job.writer)}\n`
  process.stdout.write(mark)
  process.stderr.write(mark)
  flushCompileCache()
  say({
    type: 'done',
    end,
    peakMemoryBytes: process.resourceUsage().maxRSS * 1024,
    cpuSeconds: (user + system) / 1_000_000,
  })
}

async function attempt(job: ChildJob, modules: string[]): Promise<BodyEnd> {
  try {
    const tasks = await load(modules)
    // The supervisor may not have had its turn yet: another process may run this task by now.
    if (process.ppid !== Number(parent)) process.exit(1)
    return await executeJob(tasks, job, surroundingsOf(job))
  } catch (error) {
    return { outcome: 'failed', failure: failureOfBody(error) }
  }
}

function ask<T>(question: Question): Promise<T> {
  const id = ++questions
  say({ type: 'question', id, question })
  return new Promise((resolve) => answers.set(id, resolve as (answer: unknown) => void)).finally(() =>
    answers.delete(id),
  ) as Promise<T>
}

function surroundingsOf(job: ChildJob): JobSurroundings {
  return {
    surroundings: { storage, markers: { read: async (ids) => ids.map((id) => markerOf(job, id)) } },
    log,
    signal: stop.signal,
    onProgress: (progress) => say({ type: 'progress', progress }),
    mayPublish: () => ask({ ask: 'may-publish' }),
    // JSON has no undefined.
    reserve: async (budget, amount) =>
      (await ask<Reservation | null>({ ask: 'reserve', budget, amount })) ?? undefined,
    block: (budget, until) => ask({ ask: 'block', budget, until }),
  }
}

const markerOf = (job: ChildJob, id: string) =>
  id in job.markers ? { result: job.markers[id] ?? null } : undefined
