import { writeFileSync } from 'node:fs'
import { ECSClient } from '@aws-sdk/client-ecs'
import { OwnTask } from '../../adapters/ecs/own-task.ts'
import { FIRELENS_SOCKET, listenForLines } from '../../adapters/firelens/lines.ts'
import { readInputResults, readSecretValues } from '../../body/prepare-job.ts'
import type { Home } from '../../control/home.ts'
import { LARGEST_PROGRAM_MB } from '../../core/fargate.ts'
import { mustHave } from '../../core/must-have.ts'
import { KEPT, makeKeeperWorkerId, POOL_DEFAULTS, SHELL } from '../../core/names.ts'
import type { Runner } from '../../core/ports/working.ts'
import { takeOverAttempt } from '../../engine/take-over.ts'
import { Worker } from '../../engine/work.ts'
import { readCommandYield } from '../../planning/foreign-yield.ts'
import type { BundledSettings } from '../../project/bundled.ts'
import { makeKeeperRunner } from '../../runners/container/kept-program.ts'
import type { Build } from './build.ts'
import { readPartSettings } from './environment.ts'
import { openDeployedHome } from './home.ts'
import { makeAttemptMetrics } from './metrics.ts'
import { keepShell } from './shell-keeper.ts'

/**
 * What a keeper's image runs: a shell, or the attempt of the program beside it.
 */
export const runKeeper = (build: Build, settings: BundledSettings): Promise<void> =>
  process.env[SHELL.variable] === undefined ? keepAttempt(build, settings) : keepShell(build, settings)

/**
 * Runs the attempt of the program beside it: takes its lease over, and ends when its end is written. An attempt that is over by now
 * never starts: ECS stops the task when its keeper ends.
 */
async function keepAttempt(
  build: Build,
  { limits, programs, luigiFamilies }: BundledSettings,
): Promise<void> {
  const told = readPartSettings('keeper')
  const task = await OwnTask.find(
    new ECSClient(build.client),
    mustHave(process.env.ECS_CONTAINER_METADATA_URI_V4, 'the metadata endpoint of the task'),
  )
  const home = openDeployedHome(told, {
    worker: makeKeeperWorkerId(task.arn),
    build,
    limits,
    programs,
    luigiFamilies,
    memoryMb:
      Object.values(programs).flatMap((each) =>
        'memoryMb' in each && each.pool === told.pool ? [each] : [],
      )[0]?.memoryMb ?? POOL_DEFAULTS.containerMemoryMb,
    largestMemoryMb: LARGEST_PROGRAM_MB,
    runner: (parts) => makeRunner(parts, task, build),
  })
  const claimed = await takeOverAttempt(home.context, told.handover, {
    handle: task.arn,
    times: task.times,
  })
  if (claimed === undefined) {
    console.log(`attempt ${told.handover.attempt} of ${told.handover.run} is over; nothing is started`)
    return
  }
  const worker = new Worker(home.context, {
    concurrency: 1,
    onEnd: makeAttemptMetrics(told.stack),
    // It runs one attempt, and queues what becomes ready by that.
    handOn: { forMs: 0, mayRun: () => false },
  })
  process.on('SIGTERM', () => worker.stop())
  const heartbeat = setInterval(
    () => void worker.extendLeases().catch(console.error),
    home.context.settings.heartbeatMs,
  )
  const over = worker.continue(claimed)
  // The run may have been cancelled while the program was launched.
  await worker.extendLeases().catch(console.error)
  await over
  clearInterval(heartbeat)
  await home.close()
}

function makeRunner(
  { logs, secrets, surroundings, definitions }: Omit<Home, 'context' | 'close'>,
  task: OwnTask,
  { stopMs }: Build,
): Runner {
  return makeKeeperRunner({
    logs,
    // ECS kills it before.
    graceMs: 2 * stopMs,
    stopMs,
    storage: surroundings.storage,
    container: {
      listen: (onText) => listenForLines(FIRELENS_SOCKET, onText),
      letStart: () => writeFileSync(KEPT.ready, ''),
      waitForEnd: () => task.waitForEnd(KEPT.program),
      stop: () => task.stop('the attempt was stopped'),
    },
    prepare: async (job) => ({
      secrets: await readSecretValues(job.task.policy.secrets, secrets),
      results: await readInputResults(job.task, surroundings.markers),
    }),
    readYield: (path, job) => readCommandYield(path, job, definitions),
  })
}
