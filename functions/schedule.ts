import { SFNClient } from '@aws-sdk/client-sfn'
import { stepFunctions } from '../src/adapters/states/executions.ts'
import { openDeployed } from '../src/deployed/home.ts'
import { PATIENT } from '../src/deployed/patience.ts'
import { readSettings } from '../src/handlers/environment.ts'
import { createSchedule } from '../src/handlers/schedule.ts'
import { loadProject } from '../src/project/load-config.ts'

const told = readSettings('schedule')
const project = await loadProject('sluice.config')
const home = openDeployed(told, { worker: 'schedule', project, limits: project.limits })

/** At each firing of a schedule, and now and then for all: starts the intervals that are missing. */
export const handler = createSchedule(home, project, stepFunctions(new SFNClient(PATIENT)), told.machines)
