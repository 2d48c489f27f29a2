import { ECSClient } from '@aws-sdk/client-ecs'
import { GetQueueAttributesCommand, SQSClient } from '@aws-sdk/client-sqs'
import { makeFargateWorkers } from '../src/adapters/ecs/workers.ts'
import type { Build } from '../src/homes/aws/build.ts'
import { findPoolSetting, readPartSettings } from '../src/homes/aws/environment.ts'
import { makeLaunchHandler } from '../src/homes/aws/handlers/launch-workers.ts'
import { openDeployedHome } from '../src/homes/aws/home.ts'
import { makeLaunchMetrics } from '../src/homes/aws/metrics.ts'
import type { BundledSettings } from '../src/project/bundled.ts'

/** Launches the containers that a pool, or any of them, is missing. */
export function start(build: Build, { limits, containers, programs }: BundledSettings) {
  const told = readPartSettings('launch-workers')
  const { workers, queues } = told
  const onLaunchTrouble = makeLaunchMetrics(told.stack)
  const home = openDeployedHome(told, { build, worker: 'launch-workers', limits, programs, onLaunchTrouble })
  const sqs = new SQSClient(build.client)

  async function backlog(pool: string): Promise<number> {
    const { Attributes } = await sqs.send(
      new GetQueueAttributesCommand({
        QueueUrl: findPoolSetting(queues, pool),
        AttributeNames: ['ApproximateNumberOfMessages'],
      }),
    )
    return Number(Attributes?.ApproximateNumberOfMessages ?? 0)
  }

  const { families, ...place } = workers
  const pools = Object.fromEntries(
    Object.entries(containers).map(([name, pool]) => [name, { ...pool, family: `${families}${name}` }]),
  )
  return makeLaunchHandler({
    context: home.context,
    pools,
    backlog,
    ...makeFargateWorkers(new ECSClient(build.client), place),
  })
}
