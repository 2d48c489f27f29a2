import { toJobNews } from '../src/adapters/ecs/job-state.ts'
import type { Build } from '../src/homes/aws/build.ts'
import { readPartSettings } from '../src/homes/aws/environment.ts'
import { makeJobEventsHandler } from '../src/homes/aws/handlers/job-events.ts'
import { openDeployedHome } from '../src/homes/aws/home.ts'
import { makeLauncher } from '../src/homes/aws/launcher.ts'
import { makeLaunchMetrics } from '../src/homes/aws/metrics.ts'
import type { BundledSettings } from '../src/project/bundled.ts'

/** Executions that were stopped, and containers that have. */
export function start(build: Build, { limits, containers, programs }: BundledSettings) {
  const told = readPartSettings('job-events')
  const onLaunchTrouble = makeLaunchMetrics(told.stack)
  const home = openDeployedHome(told, { build, worker: 'job-events', limits, programs, onLaunchTrouble })
  return makeJobEventsHandler({
    home,
    toNews: toJobNews,
    wake: makeLauncher(told, containers, build).wakeFamily,
  })
}
