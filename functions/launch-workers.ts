import { ECSClient } from '@aws-sdk/client-ecs'
import { GetQueueAttributesCommand, SQSClient } from '@aws-sdk/client-sqs'
import { fargateWorkers } from '../src/adapters/ecs/workers.ts'
import { PATIENT } from '../src/deployed/patience.ts'
import { ofPool, readSettings } from '../src/handlers/environment.ts'
import { createLaunchWorkers } from '../src/handlers/launch-workers.ts'
import { bundledContainers } from '../src/project/bundled.ts'

const { workers, queues } = readSettings('launch-workers')
const sqs = new SQSClient(PATIENT)

async function backlog(pool: string): Promise<number> {
  const { Attributes } = await sqs.send(
    new GetQueueAttributesCommand({
      QueueUrl: ofPool(queues, pool),
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
export const handler = createLaunchWorkers({
  pools,
  backlog,
  ...fargateWorkers(new ECSClient(PATIENT), place),
})
