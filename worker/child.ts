import '../src/project/resolve-self.ts'
import { AsyncLocalStorage } from 'node:async_hooks'
import { flushCompileCache } from 'node:module'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { makeBodyLog, redirectConsole } from '../src/body/attempt-log.ts'
import type { BodyJob } from '../src/body/body-job.ts'
import { executeBodyJob, type JobSurroundings } from '../src/body/execute-job.ts'
import { makeBodyFailure } from '../src/body/failure.ts'
import { listProcessChanges, type ProcessState, readProcessState } from '../src/body/process-state.ts'
import { readErrorMessage } from '../src/core/errors.ts'
import { cutLogLine } from '../src/core/mask.ts'
import type { BodyEnd, Reservation } from '../src/core/ports/working.ts'
import { openStorage } from '../src/homes/open-storage.ts'
import { loadDefinitions } from '../src/project/load-config.ts'
import {
  type ChildRecord,
  type FromChild,
  makeEndMark,
  type Question,
  RECORD_MARK,
  type ToChild,
} from '../src/runners/process/protocol.ts'

/** The process in which bodies run: `child.ts <config> <folder or s3: URI of the storage> <pid of its parent>`. */
const [, , configPath = '', storageFolder = '', parent = ''] = process.argv
// It was for this process, not for what its bodies start.
delete process.env.NODE_COMPILE_CACHE

const storage = await openStorage(storageFolder)
const definitions = loadDefinitions(configPath)
definitions.catch(() => {})
const load = async (modules: string[]) => (await definitions)(modules)

const sendToParent = (message: FromChild) => process.send?.(message)
const recordLine = (record: ChildRecord) => `${RECORD_MARK}${JSON.stringify(record)}\n`
const log = makeBodyLog((level, text) => process.stdout.write(recordLine({ level, ...cutLogLine(text) })))
redirectConsole(() => log)

/** The attempt that code belongs to, whenever it runs; and the attempt of now. */
const owner = new AsyncLocalStorage<BodyJob>()
let current: BodyJob | undefined
let hasFailed = false
/** How the last attempt left the process. */
let last: ProcessState | undefined
const loaded = new Set<string>()

process.on('uncaughtExceptionMonitor', (error) => {
  hasFailed = true
  tellStray(`threw ${readErrorMessage(error)}`)
})
process.on('exit', (code) => {
  if (!hasFailed) tellStray(`exited with code ${code}`)
})

/** What an attempt that is over has left running ends the process: the attempt of now has no part in it. */
function tellStray(how: string): void {
  const job = owner.getStore()
  if (job === undefined || job === current) return
  process.stderr.write(recordLine({ stray: `what ${job.family} had left running ${how}` }))
}

let stop = new AbortController()
const answers = new Map<number, PromiseWithResolvers<unknown>>()
let questions = 0

process.on('message', (message: ToChild) => {
  // What does not load fails the job that needs it.
  if (message.type === 'load') load(message.modules).catch(() => {})
  if (message.type === 'job') void runJob(message.job, message.modules)
  if (message.type === 'stop') stop.abort(message.reason)
  if (message.type === 'answer') settle(message)
})
process.on('disconnect', () => process.exit(1))
sendToParent({ type: 'ready' })

async function runJob(job: BodyJob, modules: string[]): Promise<void> {
  stop = new AbortController()
  current = job
  const before = process.cpuUsage()
  const { end, left } = await owner.run(job, attemptBody, job, modules)
  const { user, system } = process.cpuUsage(before)
  const mark = `${makeEndMark(job.writer)}\n`
  process.stdout.write(mark)
  process.stderr.write(mark)
  current = undefined
  flushCompileCache()
  sendToParent({
    type: 'done',
    end,
    peakMemoryBytes: process.resourceUsage().maxRSS * 1024,
    cpuSeconds: (user + system) / 1_000_000,
    left,
  })
}

async function attemptBody(job: BodyJob, modules: string[]): Promise<{ end: BodyEnd; left: string[] }> {
  try {
    const tasks = await load(modules)
    // The supervisor may not have had its turn yet: another process may run this task by now.
    if (process.ppid !== Number(parent)) process.exit(1)
    const before = stateBefore(modules)
    const end = await executeBodyJob(tasks, job, makeJobSurroundings(job))
    // What the body has thrown without waiting for it is told in this turn, and is this attempt's.
    await nextTurn()
    last = readProcessState()
    return { end, left: listProcessChanges(before, last) }
  } catch (error) {
    return { end: { outcome: 'failed', failure: makeBodyFailure(error) }, left: ['modules that do not load'] }
  }
}

/** A look takes 50 µs, and between two attempts only modules that load change the process. */
function stateBefore(modules: string[]): ProcessState {
  const isKnown = loaded.has(modules.join())
  loaded.add(modules.join())
  return isKnown && last !== undefined ? last : readProcessState()
}

async function ask<T>(question: Question): Promise<T> {
  const id = ++questions
  const answer = Promise.withResolvers<unknown>()
  answers.set(id, answer)
  sendToParent({ type: 'question', id, question })
  return (await answer.promise) as T
}

function settle({ id, answer, error }: ToChild & { type: 'answer' }): void {
  if (error === undefined) answers.get(id)?.resolve(answer)
  else answers.get(id)?.reject(new Error(error))
  answers.delete(id)
}

function makeJobSurroundings(job: BodyJob): JobSurroundings {
  return {
    surroundings: { storage, markers: { read: async (ids) => ids.map((id) => findMarker(job, id)) } },
    log,
    signal: stop.signal,
    onProgress: (progress) => sendToParent({ type: 'progress', progress }),
    mayPublish: () => ask({ ask: 'may-publish' }),
    // JSON has no undefined.
    reserve: async (budget, amount) =>
      (await ask<Reservation | null>({ ask: 'reserve', budget, amount })) ?? undefined,
    block: (budget, until) => ask({ ask: 'block', budget, until }),
  }
}

const findMarker = (job: BodyJob, id: string) =>
  id in job.markers ? { result: job.markers[id] ?? null } : undefined
