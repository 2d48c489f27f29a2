import { enableCompileCache } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ChangeMessageVisibilityCommand, SQSClient } from '@aws-sdk/client-sqs'
import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda'
import { parseDelivery } from '../src/adapters/sqs/queue.ts'
import { makeLambdaWorkerId } from '../src/core/names.ts'
import type { Job } from '../src/core/ports/working.ts'
import { makeIsolatedBodyRunner } from '../src/homes/aws/bodies.ts'
import type { Build } from '../src/homes/aws/build.ts'
import { findPoolSetting, readPartSettings } from '../src/homes/aws/environment.ts'
import { makeLambdaWorkerHandler } from '../src/homes/aws/handlers/lambda-worker.ts'
import { makeHandOn, openDeployedHome } from '../src/homes/aws/home.ts'
import { makeAttemptMetrics } from '../src/homes/aws/metrics.ts'
import { BUNDLED_CONFIG, type BundledSettings } from '../src/project/bundled.ts'
import { loadProject } from '../src/project/load-config.ts'
import { UNSUPERVISED } from '../src/runners/process/supervision.ts'

/** How long a body may take to stop; the function's own time is the limit. */
const GRACE_MS = 5_000
/** What the function needs beside the body's heap. */
const OWN_MB = 192

/** Attempts of a Lambda pool. What is not ours comes back at once, until it is a dead letter. */
export async function start(build: Build, { programs }: BundledSettings) {
  // Processes of bodies share what has been compiled.
  enableCompileCache(join(tmpdir(), 'sluice-compiled'))
  const told = readPartSettings('lambda-worker')
  const project = await loadProject(BUNDLED_CONFIG)
  const home = openDeployedHome(told, {
    build,
    worker: makeLambdaWorkerId(process.env.AWS_LAMBDA_LOG_STREAM_NAME ?? 'unknown'),
    project,
    limits: project.limits,
    programs,
    memoryMb: told.memoryMb,
    runner: makeIsolatedBodyRunner({
      project,
      storage: told.storage,
      graceMs: GRACE_MS,
      supervision: UNSUPERVISED,
      mostIdle: 1,
      adapt: (job) => keepWithinMemory(job, told.memoryMb),
    }),
    // Lambda deletes what was handled, and what is put back was sent anew.
    queue: (queue) => ({ ...queue, acknowledge: async () => {} }),
  })
  const work = makeLambdaWorkerHandler(home, {
    onEnd: makeAttemptMetrics(told.stack),
    handOn: makeHandOn(build, told.pool),
  })
  const sqs = new SQSClient(build.client)
  const QueueUrl = findPoolSetting(told.queues, told.pool) ?? ''
  return async ({ Records }: SQSEvent, context: Context): Promise<SQSBatchResponse> => {
    const read = Records.map((record) => parseDelivery(QueueUrl, record.body, record.receiptHandle))
    await work(
      read.filter((delivery) => delivery !== undefined),
      context.getRemainingTimeInMillis(),
    )
    const foreign = Records.filter((_, index) => read[index] === undefined)
    for (const { receiptHandle: ReceiptHandle } of foreign)
      await sqs.send(new ChangeMessageVisibilityCommand({ QueueUrl, ReceiptHandle, VisibilityTimeout: 0 }))
    return { batchItemFailures: foreign.map(({ messageId }) => ({ itemIdentifier: messageId })) }
  }
}

/** The heap is full before the function's memory is: else Lambda ends all processes of the function without a reason. */
function keepWithinMemory(job: Job, functionMb: number): Job {
  const most = Math.max(functionMb / 2, functionMb - OWN_MB)
  return { ...job, memoryMb: Math.floor(Math.min(job.memoryMb ?? most, most)) }
}
