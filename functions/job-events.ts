import { toJobNews } from '../src/adapters/ecs/job-state.ts'
import { readJobRunNews } from '../src/adapters/emr-serverless/launcher.ts'
import { EMR_SERVERLESS } from '../src/core/records/launch.ts'
import type { Build } from '../src/homes/aws/build.ts'
import { readPartSettings } from '../src/homes/aws/environment.ts'
import { makeJobEventsHandler } from '../src/homes/aws/handlers/job-events.ts'
import { openDeployedHome } from '../src/homes/aws/home.ts'
import { makeJobRunLauncher, makeJobTargetLook } from '../src/homes/aws/job-services.ts'
import { makeLauncher } from '../src/homes/aws/launcher.ts'
import { makeLaunchMetrics } from '../src/homes/aws/metrics.ts'
import { type BundledSettings, listLaunchServices } from '../src/project/bundled.ts'

/** Executions that were stopped, containers that have, and job runs that go on. */
export function start(build: Build, { limits, containers, programs }: BundledSettings) {
  const told = readPartSettings('job-events')
  const onLaunchTrouble = makeLaunchMetrics(told.stack)
  const runsJobs = listLaunchServices(programs).has(EMR_SERVERLESS)
  const home = openDeployedHome(told, {
    build,
    worker: 'job-events',
    limits,
    programs,
    onLaunchTrouble,
    ...(runsJobs && { launching: build.launching }),
  })
  // It looks at the job run of an event, and lists none.
  const launcher = makeJobRunLauncher(build.client, { stack: told.stack, emr: { applications: {} } })
  return makeJobEventsHandler({
    home,
    toNews: toJobNews,
    ...(runsJobs && {
      jobRuns: {
        readNews: (changed) => readJobRunNews(launcher, told.stack, changed),
        parts: { launcher, isMade: makeJobTargetLook(home.surroundings.storage) },
      },
    }),
    wake: makeLauncher(told, containers, build).wakeFamily,
  })
}
