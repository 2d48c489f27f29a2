import { toJobNews } from '../src/adapters/ecs/job-state.ts'
import { readEmrNews } from '../src/adapters/emr/jobs.ts'
import type { Build } from '../src/homes/aws/build.ts'
import { readPartSettings } from '../src/homes/aws/environment.ts'
import { makeJobEventsHandler } from '../src/homes/aws/handlers/job-events.ts'
import { openDeployedHome } from '../src/homes/aws/home.ts'
import { makeJobLaunchers, makeJobLooks } from '../src/homes/aws/job-services.ts'
import { makeLauncher } from '../src/homes/aws/launcher.ts'
import { makeLaunchMetrics } from '../src/homes/aws/metrics.ts'
import { type BundledSettings, listJobServices } from '../src/project/bundled.ts'

/** Executions that were stopped, containers that have, and job runs that go on. */
export function start(build: Build, { limits, containers, programs }: BundledSettings) {
  const told = readPartSettings('job-events')
  const onLaunchTrouble = makeLaunchMetrics(told.stack)
  const jobServices = listJobServices(programs)
  const home = openDeployedHome(told, {
    build,
    worker: 'job-events',
    limits,
    programs,
    onLaunchTrouble,
    ...(jobServices.size > 0 && { launching: build.launching }),
  })
  // It looks at the job of an event, and lists none.
  const launchers = makeJobLaunchers(build.client, {
    stack: told.stack,
    emr: { applications: {}, clusters: [] },
  })
  return makeJobEventsHandler({
    home,
    toNews: toJobNews,
    jobs: {
      services: makeJobLooks(launchers, jobServices, home.surroundings.storage),
      readNews: (launcher, changed) => readEmrNews(launcher, told.stack, changed),
    },
    wake: makeLauncher(told, containers, build).wakeFamily,
  })
}
