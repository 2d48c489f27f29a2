import type { Build } from '../src/homes/aws/build.ts'
import { readPartSettings } from '../src/homes/aws/environment.ts'
import { makeLazyExecutions } from '../src/homes/aws/executions.ts'
import { makeScheduleHandler } from '../src/homes/aws/handlers/schedule.ts'
import { openDeployedHome } from '../src/homes/aws/home.ts'
import { BUNDLED_CONFIG, type BundledSettings } from '../src/project/bundled.ts'
import { loadProject } from '../src/project/load-config.ts'

/** At each firing of a schedule, and now and then for all: starts the intervals that are missing. */
export async function start(build: Build, { programs }: BundledSettings) {
  const told = readPartSettings('schedule')
  const project = await loadProject(BUNDLED_CONFIG)
  const home = openDeployedHome(told, {
    build,
    worker: 'schedule',
    project,
    limits: project.limits,
    programs,
  })
  return makeScheduleHandler(home, project, makeLazyExecutions(build), told.machines)
}
