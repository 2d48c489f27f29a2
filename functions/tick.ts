import { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs'
import { makeFunctionDeathReader } from '../src/adapters/cloudwatch/function-deaths.ts'
import { readPartSettings } from '../src/homes/aws/environment.ts'
import { makeTickHandler } from '../src/homes/aws/handlers/tick.ts'
import { openDeployedHome } from '../src/homes/aws/home.ts'
import { makeLambdaDeathFinder } from '../src/homes/aws/lambda-deaths.ts'
import { makeLauncher } from '../src/homes/aws/launcher.ts'
import { makeTickMetrics } from '../src/homes/aws/metrics.ts'
import { PATIENT } from '../src/homes/aws/patience.ts'
import { bundledContainers, bundledLimits } from '../src/project/bundled.ts'

const told = readPartSettings('tick')
const home = openDeployedHome(told, {
  worker: 'tick',
  limits: bundledLimits,
  deathOf: makeLambdaDeathFinder(told.logGroups, makeFunctionDeathReader(new CloudWatchLogsClient(PATIENT))),
})
const launcher = makeLauncher(told, bundledContainers)

/** Once a minute: what is due by time; `{ "audit": true }` audits open runs at once. */
export const handler = makeTickHandler({
  home,
  wake: () => launcher.wakeAll(),
  pools: Object.keys(bundledContainers),
  keep: makeTickMetrics(told.stack),
})
