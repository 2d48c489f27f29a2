import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { pathToFileURL } from 'node:url'
import { makeFileStorage } from '../../../src/adapters/files/file-storage.ts'
import { makeFileLogs } from '../../../src/adapters/logs/file-logs.ts'
import { prepareBodyJob } from '../../../src/body/prepare-job.ts'
import type { Json } from '../../../src/core/json.ts'
import type { ContainerProgram } from '../../../src/core/plan.ts'
import type { LogLine, Logs } from '../../../src/core/ports/looking.ts'
import type { BodyEnd, Ending, Job, JobHooks, Runner } from '../../../src/core/ports/working.ts'
import type { Progress } from '../../../src/core/records/task-run.ts'
import { type StopReason, StopRequest } from '../../../src/core/stop-request.ts'
import { listDefiningModules, loadProject } from '../../../src/project/load-config.ts'
import { makeCommandRunner } from '../../../src/runners/command/command-runner.ts'
import { makeContainerRunner } from '../../../src/runners/container/container-runner.ts'
import { makeInlineRunner } from '../../../src/runners/inline.ts'
import { makeProcessRunner } from '../../../src/runners/process/process-runner.ts'
import { projectFolder, temporaryFolder } from '../../support/folders.ts'
import type { Step } from './steps.ts'

/** Kinds of runners of one machine. */
export type Kind = 'inline' | 'process' | 'command' | 'container'

/** The secret of every attempt. */
export const SECRET = 'open-sesame-1234'
const GRACE_MS = 300
/** Lines are looked for among the first; a flood is not kept. */
const MOST_SEEN = 100

const folder = import.meta.dirname
const project = await loadProject(join(folder, 'sluice.config.ts'))

/** What an attempt of a test is. */
export interface AttemptOptions {
  steps?: Step[]
  /** @default 'RunnersSteps' */
  family?: string
  /** Paths of its outputs. */
  outputs?: string[]
  timeoutMs?: number
  memoryMb?: number
  leaseMs?: number
  /** @default 'r-1' */
  run?: string
  checkpoint?: Json
  hooks?: Partial<JobHooks>
}

/** An attempt that runs. */
export interface RunningAttempt {
  ending: Promise<Ending>
  nonce: string
  /** Asks it to stop. */
  stop(reason: StopReason): void
  /** Resolves with the first line that contains the text. */
  printed(text: string): Promise<string>
  /** The lines of its log, as they are on disk. */
  lines(): LogLine[]
  progress: Progress[]
  /** How often it has asked whether it may publish. */
  consents(): number
}

/** A runner with what a test looks at. */
export interface Laboratory {
  runner: Runner
  /** Path in the folder of its outputs. */
  path(name: string): string
  start(options: AttemptOptions): RunningAttempt
}

let nonces = 0

/** A runner of a kind in a folder of its own. */
export function laboratory(test: TestContext, kind: Kind): Laboratory {
  const own = temporaryFolder(test)
  const path = (name: string) => join(own, 'data', name)
  const heard = new Set<(lines: LogLine[]) => void>()
  const logs = listenedLogs(makeFileLogs(join(own, 'logs')), (lines) => {
    for (const hear of heard) hear(lines)
  })
  const runner = makeRunner(kind, own, logs)
  test.after(() => runner.close())

  function start({ hooks, ...options }: AttemptOptions): RunningAttempt {
    const stop = new StopRequest()
    const progress: Progress[] = []
    let consents = 0
    const job = jobOf(kind, own, options)
    const seen: LogLine[] = []
    heard.add((lines) => void (seen.length < MOST_SEEN && seen.push(...lines.slice(0, MOST_SEEN))))
    const printed = (text: string) =>
      new Promise<string>((resolve, reject) => {
        ending.then(({ failure }) => reject(new Error(`ended first: ${failure?.message}`)), reject)
        const look = (lines: LogLine[]) => {
          const line = lines.find((each) => each.text.includes(text))
          if (line !== undefined) resolve(line.text)
        }
        heard.add(look)
        look(seen)
      })
    const run = runner.run(job, {
      stop,
      onProgress: (each) => progress.push(each),
      reserve: async () => undefined,
      block: async () => {},
      ...hooks,
      async mayPublish() {
        consents++
        return hooks?.mayPublish?.() ?? true
      },
    })
    // As a worker does once the end is written.
    const ending = run.then(async (told) => {
      await told.cleanUp?.()
      return told
    })
    return {
      ending,
      nonce: job.nonce,
      stop: (reason) => stop.make(reason),
      printed,
      lines: () => linesOf(own, job),
      progress,
      consents: () => consents,
    }
  }
  return { runner, path, start }
}

function listenedLogs(logs: Logs, hear: (lines: LogLine[]) => void): Logs {
  return {
    ...logs,
    open(name) {
      const log = logs.open(name)
      const write = (lines: LogLine[]) => {
        log.write(lines)
        hear(lines)
      }
      return { write, tail: log.tail }
    },
  }
}

function linesOf(own: string, { run }: Job): LogLine[] {
  const text = readFileSync(join(own, 'logs', run, '0.1.jsonl'), 'utf8')
  return text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line)]))
}

function jobOf(kind: Kind, own: string, options: Omit<AttemptOptions, 'hooks'>): Job {
  const { steps = [], family = 'RunnersSteps', outputs = [], run = 'r-1' } = options
  const { timeoutMs, memoryMb, checkpoint, leaseMs = 60_000 } = options
  const command = {
    argv: [process.execPath, join(folder, 'steps.ts'), JSON.stringify(steps)],
    folder: own,
    env: {},
  }
  return {
    run,
    leaseMs,
    attempt: 1,
    nonce: `n${process.pid}x${++nonces}`,
    upstreams: [],
    dependencies: [],
    budgets: {},
    ...(memoryMb === undefined ? {} : { memoryMb }),
    ...(checkpoint === undefined ? {} : { checkpoint }),
    task: {
      number: 0,
      id: family,
      family,
      params: { steps: JSON.stringify(steps), isInline: kind === 'inline' },
      label: family,
      upstreams: [],
      dependents: [],
      outputs: outputs.map((name) => pathToFileURL(join(own, 'data', name)).href),
      ...(kind === 'command' ? { command } : {}),
      ...(kind === 'container' ? { container: containerOf(own, steps, outputs) } : {}),
      policy: {
        retry: { attempts: 1, delayMs: 0, backoff: 'fixed' },
        fresh: 'run',
        secrets: { key: 'key' },
        ...(timeoutMs === undefined ? {} : { timeoutMs }),
      },
    },
  }
}

/** The image has the steps; see `test/containers`. */
const containerOf = (own: string, steps: Step[], outputs: string[]): ContainerProgram => ({
  image: { reference: 'localhost/sluice-test-steps:1' },
  argv: ['node', '/steps.ts', JSON.stringify(steps)],
  env: {},
  inputs: [],
  outputs: outputs.map((name) => ({ uri: pathToFileURL(join(own, 'data', name)).href, at: name })),
})

/** What was yielded is not planned here: only which tasks it names counts. */
async function conclude({ yielded, ...end }: BodyEnd): Promise<Ending> {
  if (yielded === undefined) return end
  return { ...end, yielded: { roots: yielded.map(({ family }) => family), found: [] } }
}

function makeRunner(kind: Kind, own: string, logs: Logs): Runner {
  const secrets = { get: async () => SECRET, isSet: async () => true, hint: () => '' }
  const markers = { read: async (ids: string[]) => ids.map(() => undefined) }
  const storageFolder = join(own, 'data')
  const prepare = (job: Job) => prepareBodyJob(job, secrets, markers)
  const storage = makeFileStorage(storageFolder)
  switch (kind) {
    case 'inline':
      return makeInlineRunner({ tasks: project.tasks, storage, markers, logs, prepare, conclude })
    case 'process':
      return makeProcessRunner({
        entry: () => ({ module: join(projectFolder, 'worker/child.ts') }),
        args: [project.path, storageFolder, String(process.pid)],
        modulesOf: (families) => listDefiningModules(project, families),
        graceMs: GRACE_MS,
        logs,
        prepare,
        conclude,
      })
    case 'command':
      return makeCommandRunner({
        state: own,
        logs,
        secrets: async () => ({ KEY: SECRET }),
        readYield: async (path) => ({ roots: [readFileSync(path, 'utf8')], found: [] }),
        graceMs: GRACE_MS,
      })
    case 'container':
      return makeContainerRunner({
        state: own,
        logs,
        prepare: async () => ({ secrets: { KEY: SECRET }, results: new Map() }),
        isGone: async () => false,
        readYield: async (path) => ({ roots: [mustHold(path)], found: [] }),
        graceMs: GRACE_MS,
      })
  }
}

/** A container's file for what it yields is always there; without a line it yields nothing. */
function mustHold(path: string): string {
  const text = readFileSync(path, 'utf8')
  if (text === '') throw new Error('it yielded nothing')
  return text
}
