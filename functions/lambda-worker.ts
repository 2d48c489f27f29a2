import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda'
import { readMessage } from '../src/adapters/sqs/queue.ts'
import { bodiesInPlace } from '../src/deployed/bodies.ts'
import { openDeployed } from '../src/deployed/home.ts'
import { readSettings } from '../src/handlers/environment.ts'
import { createLambdaWorker } from '../src/handlers/lambda-worker.ts'
import { loadProject } from '../src/project/load-config.ts'

const told = readSettings('lambda-worker')
const project = await loadProject('sluice.config')
const home = openDeployed(told, {
  worker: `lambda/${process.env.AWS_LAMBDA_LOG_STREAM_NAME ?? 'unknown'}`,
  project,
  limits: project.limits,
  memoryMb: told.memoryMb,
  runner: bodiesInPlace,
  // Lambda deletes what was handled, and what is put back was sent anew.
  queue: (queue) => ({ ...queue, acknowledge: async () => {} }),
})
const work = createLambdaWorker(home)

/** Attempts of a Lambda pool. What is not ours stays in the queue until it is a dead letter. */
export const handler = async ({ Records }: SQSEvent, context: Context): Promise<SQSBatchResponse> => {
  const url = told.queues[told.pool] ?? ''
  const read = Records.map((record) => readMessage(url, record.body, record.receiptHandle))
  await work(
    read.filter((delivery) => delivery !== undefined),
    context.getRemainingTimeInMillis(),
  )
  const foreign = Records.filter((_, index) => read[index] === undefined)
  return { batchItemFailures: foreign.map(({ messageId }) => ({ itemIdentifier: messageId })) }
}
