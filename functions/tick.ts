import { openDeployed } from '../src/deployed/home.ts'
import { launcherOf } from '../src/deployed/launcher.ts'
import { tickMetrics } from '../src/deployed/metrics.ts'
import { readSettings } from '../src/handlers/environment.ts'
import { createTick } from '../src/handlers/tick.ts'
import { bundledContainers, bundledLimits } from '../src/project/bundled.ts'

const told = readSettings('tick')
const home = openDeployed(told, { worker: 'tick', limits: bundledLimits })
const launcher = launcherOf(told, bundledContainers)

/** Once a minute: what is due by time. */
export const handler = createTick({
  home,
  wake: () => launcher.wakeAll(),
  pools: Object.keys(bundledContainers),
  keep: tickMetrics(told.environment),
})
