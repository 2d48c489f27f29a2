import { openDeployed } from '../src/deployed/home.ts'
import { readSettings } from '../src/handlers/environment.ts'
import { createJobEvents } from '../src/handlers/job-events.ts'
import { bundledLimits } from '../src/project/bundled.ts'

/** Executions that were stopped, and containers that have. */
export const handler = createJobEvents(
  openDeployed(readSettings('job-events'), { worker: 'job-events', limits: bundledLimits }),
)
