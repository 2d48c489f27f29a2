import './resolve-self.ts'
import { fileStorage } from '../adapters/files/file-storage.ts'
import {
  type ChildJob,
  endMark,
  type FromChild,
  RECORD_MARK,
  type ToChild,
} from '../adapters/process/protocol.ts'
import { startWatchdog } from '../adapters/process/watchdog.ts'
import { captureConsole, logTo } from '../define/attempt-log.ts'
import { execute } from '../define/execute.ts'
import { failureOfBody } from '../define/failure.ts'
import { instantiate } from '../define/task.ts'
import { loadProject } from './load-config.ts'

/** The process in which bodies run: `child.ts <config> <storage>`. */
const [, , configPath = '', storageFolder = ''] = process.argv
startWatchdog()

const storage = fileStorage(storageFolder)
const project = loadProject(configPath)
project.catch(() => {})

const say = (message: FromChild) => process.send?.(message)
const log = logTo((level, text) => process.stdout.write(`${RECORD_MARK}${JSON.stringify({ level, text })}\n`))
captureConsole(() => log)

let stop = new AbortController()
let publish = Promise.withResolvers<boolean>()

process.on('message', (message: ToChild) => {
  if (message.type === 'job') void runJob(message.job)
  if (message.type === 'stop') stop.abort(message.reason)
  if (message.type === 'publish') publish.resolve(message.allowed)
})
process.on('disconnect', () => process.exit(1))

async function runJob(job: ChildJob): Promise<void> {
  stop = new AbortController()
  const told = await attempt(job)
  const mark = `${endMark(job.writer)}\n`
  process.stdout.write(mark)
  process.stderr.write(mark)
  say({ type: 'done', ...told, peakMemoryBytes: process.resourceUsage().maxRSS * 1024 })
}

async function attempt(job: ChildJob): Promise<Pick<FromChild & { type: 'done' }, 'result' | 'failure'>> {
  try {
    return { result: await executeJob(job) }
  } catch (error) {
    return { failure: failureOfBody(error) }
  }
}

async function executeJob(job: ChildJob) {
  const { tasks } = await project
  const instanceOf = ({ family, params }: Pick<ChildJob, 'family' | 'params'>) => {
    const definition = tasks.get(family)
    if (definition === undefined) throw new Error(`the config no longer defines the task ${family}`)
    return instantiate(definition, params)
  }
  const upstreams = new Map(job.upstreams.map((each) => [each.number, each]))
  return execute({
    run: job.run,
    task: instanceOf(job),
    attempt: job.attempt,
    writer: job.writer,
    ...(job.requires === undefined ? {} : { requires: job.requires }),
    upstream: (number) => instanceOf(upstreams.get(number) ?? { family: '?', params: {} }),
    secrets: job.secrets,
    surroundings: { storage, markers: { read: async (ids) => ids.map((id) => markerOf(job, id)) } },
    log,
    signal: stop.signal,
    onProgress: (progress) => say({ type: 'progress', progress }),
    mayPublish: () => {
      publish = Promise.withResolvers()
      say({ type: 'may-publish' })
      return publish.promise
    },
  })
}

const markerOf = (job: ChildJob, id: string) =>
  id in job.markers ? { result: job.markers[id] ?? null } : undefined
