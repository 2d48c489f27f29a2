import { readFile } from 'node:fs/promises'
import { makeContainerWorkerId } from '../src/core/names.ts'
import type { Job } from '../src/core/ports/working.ts'
import { Worker } from '../src/engine/work.ts'
import { makeIsolatedBodyRunner } from '../src/homes/aws/bodies.ts'
import type { Build } from '../src/homes/aws/build.ts'
import { readPartSettings } from '../src/homes/aws/environment.ts'
import { makeCurrentCodeQueue } from '../src/homes/aws/handlers/deployed-code.ts'
import { makeHandOn, openDeployedHome } from '../src/homes/aws/home.ts'
import { makeAttemptMetrics } from '../src/homes/aws/metrics.ts'
import { BUNDLED_CONFIG } from '../src/project/bundled.ts'
import { loadProject } from '../src/project/load-config.ts'

/** SIGKILL follows SIGTERM after 120 s; the hand-back takes some of that. */
const GRACE_MS = 100_000
/** The longest that SQS lets a request wait. */
const WAIT_SECONDS = 20
const LOOK_MS = 1_000
const OUTDATED = 3

/**
 * Works on a pool's queue until nothing has come for a while, or it is told to stop: then its task is handed back as
 * interrupted. Deleting a message is left to its claim, because the lease covers what comes after.
 */
export async function runContainerWorker(build: Build): Promise<void> {
  const told = readPartSettings('worker')
  const { idleSeconds, tasksPerWorker } = told
  const project = await loadProject(BUNDLED_CONFIG)
  const home = openDeployedHome(told, {
    build,
    worker: await readWorkerId(),
    project,
    limits: project.limits,
    // How many run at once is the number of workers here.
    programs: {},
    memoryMb: told.memoryMb,
    waitSeconds: Math.min(WAIT_SECONDS, idleSeconds),
    runner: makeIsolatedBodyRunner({ project, storage: told.storage, graceMs: GRACE_MS, adapt: alone }),
    queue: makeCurrentCodeQueue(
      () => home.context,
      () => outdated(),
    ),
  })
  let started = 0
  let idleSince = Date.now()
  const worker = new Worker(home.context, {
    concurrency: 1,
    pool: told.pool,
    onEnd: makeAttemptMetrics(told.stack),
    handOn: makeHandOn(build, told.pool),
    onStart() {
      if (++started === tasksPerWorker) worker.drain()
    },
  })
  function outdated(): void {
    console.log('newer code is deployed than this container has; the next one runs it')
    // If it has done nothing, the launcher takes it for a start that failed, and does not start such ones without a pause.
    if (started === 0) process.exitCode = OUTDATED
    worker.drain()
  }
  process.on('SIGTERM', () => worker.stop())
  process.on('SIGINT', () => worker.stop())
  const heartbeat = setInterval(
    () => void worker.extendLeases().catch(console.error),
    home.context.settings.heartbeatMs,
  )
  const looks = setInterval(() => {
    if (worker.running > 0) idleSince = Date.now()
    if (Date.now() - idleSince > idleSeconds * 1000) worker.drain()
  }, LOOK_MS)
  await worker.run()
  clearInterval(heartbeat)
  clearInterval(looks)
  await home.close()
}

/** Every task has a process of its own; the next one is prepared while one runs. */
const alone = (job: Job): Job => ({
  ...job,
  task: { ...job.task, policy: { ...job.task.policy, fresh: 'attempt' } },
})

/** The container's task, as ECS tells it: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-metadata-endpoint-v4.html */
async function readWorkerId(): Promise<string> {
  const endpoint = process.env.ECS_CONTAINER_METADATA_URI_V4
  if (endpoint === undefined)
    return `container/${(await readFile('/proc/sys/kernel/hostname', 'utf8')).trim()}`
  const task = (await (await fetch(`${endpoint}/task`)).json()) as { TaskARN: string }
  return makeContainerWorkerId(task.TaskARN)
}
