import { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs'
import { ECSClient } from '@aws-sdk/client-ecs'
import { SQSClient } from '@aws-sdk/client-sqs'
import { makeFunctionDeathReader } from '../src/adapters/cloudwatch/function-deaths.ts'
import { makeEcsLauncher } from '../src/adapters/ecs/launcher.ts'
import { stopOverdueShells } from '../src/adapters/ecs/shells.ts'
import { makeRepairQueue } from '../src/adapters/sqs/repair-queue.ts'
import { ECS } from '../src/core/records/launch.ts'
import type { Build } from '../src/homes/aws/build.ts'
import { readPartSettings } from '../src/homes/aws/environment.ts'
import { makeLazyExecutions } from '../src/homes/aws/executions.ts'
import { makeRepairHandler } from '../src/homes/aws/handlers/advance.ts'
import { makeTickHandler } from '../src/homes/aws/handlers/tick.ts'
import { openDeployedHome } from '../src/homes/aws/home.ts'
import { makeJobLaunchers, makeJobLooks } from '../src/homes/aws/job-services.ts'
import { makeLambdaDeathFinder } from '../src/homes/aws/lambda-deaths.ts'
import { makeLauncher } from '../src/homes/aws/launcher.ts'
import { makeLaunchMetrics, makeTickMetrics } from '../src/homes/aws/metrics.ts'
import { type BundledSettings, listLaunchServices } from '../src/project/bundled.ts'

/** Once a minute: what is due by time; `{ "audit": true }` audits open runs at once. */
export function start(build: Build, { limits, containers, programs }: BundledSettings) {
  const told = readPartSettings('tick')
  const launches = listLaunchServices(programs)
  const deaths = makeFunctionDeathReader(new CloudWatchLogsClient(build.client))
  const home = openDeployedHome(told, {
    build,
    worker: 'tick',
    limits,
    programs,
    deathOf: makeLambdaDeathFinder(told.logGroups, deaths),
    onLaunchTrouble: makeLaunchMetrics(told.stack),
    ...(launches.size > 0 && { launching: build.launching }),
  })
  const ecs = new ECSClient(build.client)
  const launcher = makeLauncher(told, containers, build)
  const repairs = makeRepairQueue(new SQSClient(build.client), told.repairQueue)
  const handleKey = makeRepairHandler({ home, answers: makeLazyExecutions(build) })
  return makeTickHandler({
    home,
    repair: () => repairs.handleEach(handleKey),
    wake: () => launcher.wakeAll(),
    pools: Object.keys(containers),
    ...(launches.has(ECS) && {
      sweepShells: () => stopOverdueShells(ecs, told.workers.cluster, Date.now()),
    }),
    services: {
      ...(launches.has(ECS) && { [ECS]: { launcher: makeEcsLauncher(ecs, told.workers) } }),
      ...makeJobLooks(makeJobLaunchers(build.client, told), launches, home.surroundings.storage),
    },
    keep: makeTickMetrics(told.stack),
  })
}
