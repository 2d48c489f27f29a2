import { readSettings } from '../src/homes/aws/environment.ts'
import { createJobEvents } from '../src/homes/aws/handlers/job-events.ts'
import { openDeployed } from '../src/homes/aws/home.ts'
import { launcherOf } from '../src/homes/aws/launcher.ts'
import { bundledContainers, bundledLimits } from '../src/project/bundled.ts'

const told = readSettings('job-events')
const home = openDeployed(told, { worker: 'job-events', limits: bundledLimits })

/** Executions that were stopped, and containers that have. */
export const handler = createJobEvents({ home, wake: launcherOf(told, bundledContainers).wakeFamily })
