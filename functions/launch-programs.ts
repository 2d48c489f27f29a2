import { ECSClient } from '@aws-sdk/client-ecs'
import type { SQSBatchResponse, SQSEvent } from 'aws-lambda'
import { launchProgram } from '../src/adapters/ecs/programs.ts'
import { parseDelivery } from '../src/adapters/sqs/queue.ts'
import { readErrorMessage } from '../src/core/errors.ts'
import type { Build } from '../src/homes/aws/build.ts'
import { readPartSettings, toSettingVariable } from '../src/homes/aws/environment.ts'
import { makeLaunchProgramsHandler } from '../src/homes/aws/handlers/launch-programs.ts'
import { openDeployedHome } from '../src/homes/aws/home.ts'
import type { BundledSettings } from '../src/project/bundled.ts'

/** Attempts of containers, each launched as an ECS task. What is not ours comes back until it is a dead letter. */
export function start(build: Build, { limits, programs }: BundledSettings) {
  const told = readPartSettings('launch-programs')
  const { families, ...place } = told.workers
  const home = openDeployedHome(told, {
    build,
    worker: 'launch-programs',
    limits,
    programs,
    leaseMs: build.launchMs,
    // Lambda deletes what was handled, and what is put back was sent anew.
    queue: (queue) => ({ ...queue, acknowledge: async () => {} }),
  })
  const ecs = new ECSClient(build.client)
  const launch = makeLaunchProgramsHandler({
    home,
    programs,
    families,
    launch: ({ handover, ...order }) =>
      launchProgram(ecs, place, {
        ...order,
        keeper: { [toSettingVariable('handover')]: JSON.stringify(handover) },
      }),
  })
  return async ({ Records }: SQSEvent): Promise<SQSBatchResponse> => {
    const failed: string[] = []
    for (const { eventSourceARN, body, receiptHandle, messageId } of Records) {
      const delivery = parseDelivery(findQueueUrl(told.queues, eventSourceARN), body, receiptHandle)
      try {
        if (delivery === undefined) throw new Error(`${body} is no message of Sluice`)
        await launch(delivery)
      } catch (error) {
        console.error(`a message comes back: ${readErrorMessage(error)}`)
        failed.push(messageId)
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
