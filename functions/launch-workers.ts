import { ECSClient } from '@aws-sdk/client-ecs'
import { GetQueueAttributesCommand, SQSClient } from '@aws-sdk/client-sqs'
import { makeFargateWorkers } from '../src/adapters/ecs/workers.ts'
import { findPoolSetting, readPartSettings } from '../src/homes/aws/environment.ts'
import { makeLaunchHandler } from '../src/homes/aws/handlers/launch-workers.ts'
import { openDeployedHome } from '../src/homes/aws/home.ts'
import { PATIENT } from '../src/homes/aws/patience.ts'
import { bundledContainers, bundledLimits } from '../src/project/bundled.ts'

const told = readPartSettings('launch-workers')
const { workers, queues } = told
const home = openDeployedHome(told, { worker: 'launch-workers', limits: bundledLimits })
const sqs = new SQSClient(PATIENT)

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
  Object.entries(bundledContainers).map(([name, pool]) => [name, { ...pool, family: `${families}${name}` }]),
)

/** Launches the containers that a pool, or any of them, is missing. */
export const handler = makeLaunchHandler({
  ports: home.context.ports,
  pools,
  backlog,
  ...makeFargateWorkers(new ECSClient(PATIENT), place),
})
