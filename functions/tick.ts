import { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs'
import { makeFunctionDeathReader } from '../src/adapters/cloudwatch/function-deaths.ts'
import { readSettings } from '../src/homes/aws/environment.ts'
import { createTick } from '../src/homes/aws/handlers/tick.ts'
import { openDeployed } from '../src/homes/aws/home.ts'
import { lambdaDeaths } from '../src/homes/aws/lambda-deaths.ts'
import { launcherOf } from '../src/homes/aws/launcher.ts'
import { tickMetrics } from '../src/homes/aws/metrics.ts'
import { PATIENT } from '../src/homes/aws/patience.ts'
import { bundledContainers, bundledLimits } from '../src/project/bundled.ts'

const told = readSettings('tick')
const home = openDeployed(told, {
  worker: 'tick',
  limits: bundledLimits,
  deathOf: lambdaDeaths(told.logGroups, makeFunctionDeathReader(new CloudWatchLogsClient(PATIENT))),
})
const launcher = launcherOf(told, bundledContainers)

/** Once a minute: what is due by time; `{ "audit": true }` audits open runs at once. */
export const handler = createTick({
  home,
  wake: () => launcher.wakeAll(),
  pools: Object.keys(bundledContainers),
  keep: tickMetrics(told.stack),
})
