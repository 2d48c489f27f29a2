import { readPartSettings } from '../src/homes/aws/environment.ts'
import { makeJobEventsHandler } from '../src/homes/aws/handlers/job-events.ts'
import { openDeployedHome } from '../src/homes/aws/home.ts'
import { makeLauncher } from '../src/homes/aws/launcher.ts'
import { bundledContainers, bundledLimits } from '../src/project/bundled.ts'

const told = readPartSettings('job-events')
const home = openDeployedHome(told, { worker: 'job-events', limits: bundledLimits })

/** Executions that were stopped, and containers that have. */
export const handler = makeJobEventsHandler({ home, wake: makeLauncher(told, bundledContainers).wakeFamily })
