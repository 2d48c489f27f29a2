import type { _Record } from '@aws-sdk/client-dynamodb-streams'
import { SFNClient } from '@aws-sdk/client-sfn'
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs'
import type { DynamoDBStreamEvent, SQSEvent } from 'aws-lambda'
import { toFeedEvent } from '../src/adapters/dynamodb/stream-event.ts'
import { makeExecutions } from '../src/adapters/states/executions.ts'
import type { Build } from '../src/homes/aws/build.ts'
import { readPartSettings } from '../src/homes/aws/environment.ts'
import { makeAdvanceHandler, makeRepairHandler } from '../src/homes/aws/handlers/advance.ts'
import { noteDeployedCode } from '../src/homes/aws/handlers/deployed-code.ts'
import { openDeployedHome } from '../src/homes/aws/home.ts'
import { makeLauncher } from '../src/homes/aws/launcher.ts'
import { makeRunMetrics } from '../src/homes/aws/metrics.ts'
import type { BundledSettings } from '../src/project/bundled.ts'

/** Changes of the table, from its stream; and keys that went aside, from their queue. */
export async function start(build: Build, { limits, containers, programs }: BundledSettings) {
  const told = readPartSettings('advance')
  const sqs = new SQSClient(build.client)
  const { queue, wake } = makeLauncher(told, containers, build)
  const home = openDeployedHome(told, { build, worker: 'advance', limits, programs, queue })
  const answers = makeExecutions(new SFNClient(build.client))

  async function repair(keys: string[]): Promise<void> {
    for (const key of keys)
      await sqs.send(
        new SendMessageCommand({ QueueUrl: told.repairQueue, MessageBody: JSON.stringify({ key }) }),
      )
  }

  await noteDeployedCode(home)
  const onRunEnd = makeRunMetrics(told.stack)
  const advance = makeAdvanceHandler({ home, answers, repair, wake, onRunEnd })
  const handleKey = makeRepairHandler({ home, answers, wake })
  return async (event: DynamoDBStreamEvent | SQSEvent): Promise<void> => {
    const changes = event.Records.flatMap((record, index) =>
      'dynamodb' in record ? (toFeedEvent(record as _Record, index) ?? []) : [],
    )
    await advance(changes)
    for (const record of event.Records) if ('body' in record) await handleKey(JSON.parse(record.body).key)
  }
}
