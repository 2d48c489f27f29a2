import { openDeployed } from '../src/deployed/home.ts'
import { launcherOf } from '../src/deployed/launcher.ts'
import { readSettings } from '../src/handlers/environment.ts'
import { createJobEvents } from '../src/handlers/job-events.ts'
import { bundledContainers, bundledLimits } from '../src/project/bundled.ts'

const told = readSettings('job-events')
const home = openDeployed(told, { worker: 'job-events', limits: bundledLimits })

/** Executions that were stopped, and containers that have. */
export const handler = createJobEvents({ home, wake: launcherOf(told, bundledContainers).wakeFamily })
