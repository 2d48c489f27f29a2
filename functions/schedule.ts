import { SFNClient } from '@aws-sdk/client-sfn'
import { makeExecutions } from '../src/adapters/states/executions.ts'
import { readPartSettings } from '../src/homes/aws/environment.ts'
import { makeScheduleHandler } from '../src/homes/aws/handlers/schedule.ts'
import { openDeployedHome } from '../src/homes/aws/home.ts'
import { PATIENT } from '../src/homes/aws/patience.ts'
import { loadProject } from '../src/project/load-config.ts'

const told = readPartSettings('schedule')
const project = await loadProject('sluice.config')
const home = openDeployedHome(told, { worker: 'schedule', project, limits: project.limits })

/** At each firing of a schedule, and now and then for all: starts the intervals that are missing. */
export const handler = makeScheduleHandler(
  home,
  project,
  makeExecutions(new SFNClient(PATIENT)),
  told.machines,
)
