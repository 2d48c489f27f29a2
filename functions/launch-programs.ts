import { ECSClient } from '@aws-sdk/client-ecs'
import { ChangeMessageVisibilityCommand, SQSClient } from '@aws-sdk/client-sqs'
import type { SQSBatchResponse, SQSEvent } from 'aws-lambda'
import { makeEcsLauncher } from '../src/adapters/ecs/launcher.ts'
import { parseDelivery } from '../src/adapters/sqs/queue.ts'
import { readErrorMessage } from '../src/core/errors.ts'
import { ECS, EMR_SERVERLESS, EMR_STEP } from '../src/core/records/launch.ts'
import { launchDelivery } from '../src/engine/launch.ts'
import type { Build } from '../src/homes/aws/build.ts'
import { readPartSettings } from '../src/homes/aws/environment.ts'
import { makeJobDetails, makeJobPlaces, makeStepDetails } from '../src/homes/aws/handlers/launch-jobs.ts'
import { makeProgramDetails, makeProgramPlaces } from '../src/homes/aws/handlers/launch-programs.ts'
import { JOB_RUN_RATE, LAUNCH_RATE, STEP_RATE } from '../src/homes/aws/handlers/launch-rate.ts'
import { openDeployedHome } from '../src/homes/aws/home.ts'
import { makeJobLaunchers } from '../src/homes/aws/job-services.ts'
import { makeLaunchMetrics } from '../src/homes/aws/metrics.ts'
import type { BundledSettings } from '../src/project/bundled.ts'

/** Longer than one launcher keeps others away from a launch. */
const RETURN_SECONDS = 35

/** Attempts of containers, each launched as an ECS task, and of jobs of EMR. What is not ours comes back until it is a dead letter. */
export function start(build: Build, { limits, programs }: BundledSettings) {
  const told = readPartSettings('launch-programs')
  const { families, ...place } = told.workers
  const programPlaceOf = makeProgramPlaces(programs, families)
  const jobPlaceOf = makeJobPlaces(programs, told.emr)
  const home = openDeployedHome(told, {
    build,
    worker: 'launch-programs',
    limits,
    programs,
    launching: {
      ...build.launching,
      placeOf: (planned) => (planned.job === undefined ? programPlaceOf(planned) : jobPlaceOf(planned)),
    },
    onLaunchTrouble: makeLaunchMetrics(told.stack),
    // Lambda deletes what was handled, and what is put back was sent anew.
    queue: (queue) => ({ ...queue, acknowledge: async () => {} }),
  })
  // The governor has to hear of each throttled request, so the clients try none again.
  const client = { ...build.client, maxAttempts: 1 }
  const jobs = makeJobLaunchers(client, told)
  const services = {
    [ECS]: {
      launcher: makeEcsLauncher(new ECSClient(client), place),
      governor: LAUNCH_RATE,
      makeDetails: makeProgramDetails(programs),
    },
    [EMR_SERVERLESS]: {
      launcher: jobs[EMR_SERVERLESS],
      governor: JOB_RUN_RATE,
      makeDetails: makeJobDetails(programs, told.emr, told.secrets),
    },
    [EMR_STEP]: {
      launcher: jobs[EMR_STEP],
      governor: STEP_RATE,
      makeDetails: makeStepDetails(programs, told.emr, told.secrets),
    },
  }
  const sqs = new SQSClient(build.client)

  /** By then no launcher is at work on it any more; without this it would come again after two minutes. */
  async function returnSoon(QueueUrl: string, ReceiptHandle: string): Promise<void> {
    const seen = { QueueUrl, ReceiptHandle, VisibilityTimeout: RETURN_SECONDS }
    await sqs.send(new ChangeMessageVisibilityCommand(seen)).catch(console.error)
  }

  return async ({ Records }: SQSEvent): Promise<SQSBatchResponse> => {
    const failed: string[] = []
    for (const { eventSourceARN, body, receiptHandle, messageId } of Records) {
      const queue = findQueueUrl(told.queues, eventSourceARN)
      const delivery = parseDelivery(queue, body, receiptHandle)
      try {
        if (delivery === undefined) throw new Error(`${body} is no message of Sluice`)
        await launchDelivery(home.context, services, delivery)
      } catch (error) {
        console.error(`a message comes back: ${readErrorMessage(error)}`)
        failed.push(messageId)
        await returnSoon(queue, receiptHandle)
      }
    }
    return { batchItemFailures: failed.map((itemIdentifier) => ({ itemIdentifier })) }
  }
}

/** The URL of a queue by its ARN: all queues of a deployment have the same host and account. */
function findQueueUrl(queues: { [pool: string]: string }, arn: string): string {
  const [any = ''] = Object.values(queues)
  return `${any.slice(0, any.lastIndexOf('/') + 1)}${arn.slice(arn.lastIndexOf(':') + 1)}`
}
