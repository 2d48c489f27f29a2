import { ECSClient } from '@aws-sdk/client-ecs'
import { GetQueueAttributesCommand, SQSClient } from '@aws-sdk/client-sqs'
import { fargateWorkers } from '../src/adapters/ecs/workers.ts'
import { PATIENT } from '../src/deployed/patience.ts'
import { readSettings } from '../src/handlers/environment.ts'
import { createLaunchWorkers } from '../src/handlers/launch-workers.ts'

const { workers, queues } = readSettings('launch-workers')
const sqs = new SQSClient(PATIENT)

async function backlog(pool: string): Promise<number> {
  const { Attributes } = await sqs.send(
    new GetQueueAttributesCommand({
      QueueUrl: queues[pool],
      AttributeNames: ['ApproximateNumberOfMessages'],
    }),
  )
  return Number(Attributes?.ApproximateNumberOfMessages ?? 0)
}

const { pools, ...place } = workers

/** Launches the containers that a pool, or any of them, is missing. */
export const handler = createLaunchWorkers({
  pools,
  backlog,
  ...fargateWorkers(new ECSClient(PATIENT), place),
})
