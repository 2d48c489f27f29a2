import type { _Record } from '@aws-sdk/client-dynamodb-streams'
import { SQSClient } from '@aws-sdk/client-sqs'
import type { DynamoDBStreamEvent } from 'aws-lambda'
import { toFeedEvent } from '../src/adapters/dynamodb/stream-event.ts'
import { makeRepairQueue } from '../src/adapters/sqs/repair-queue.ts'
import type { Build } from '../src/homes/aws/build.ts'
import { readPartSettings } from '../src/homes/aws/environment.ts'
import { makeLazyExecutions } from '../src/homes/aws/executions.ts'
import { makeAdvanceHandler } from '../src/homes/aws/handlers/advance.ts'
import { noteDeployedCode } from '../src/homes/aws/handlers/deployed-code.ts'
import { openDeployedHome } from '../src/homes/aws/home.ts'
import { makeLauncher } from '../src/homes/aws/launcher.ts'
import { makeRunMetrics } from '../src/homes/aws/metrics.ts'
import type { BundledSettings } from '../src/project/bundled.ts'

/** Changes of the table, from its stream. */
export async function start(build: Build, { limits, containers, programs }: BundledSettings) {
  const told = readPartSettings('advance')
  const { send: repair } = makeRepairQueue(new SQSClient(build.client), told.repairQueue)
  const { queue, wake } = makeLauncher(told, containers, build)
  const home = openDeployedHome(told, { build, worker: 'advance', limits, programs, queue })
  const answers = makeLazyExecutions(build)
  await noteDeployedCode(home)
  const onRunEnd = makeRunMetrics(told.stack)
  const advance = makeAdvanceHandler({ home, answers, repair, wake, onRunEnd })
  return ({ Records }: DynamoDBStreamEvent): Promise<void> =>
    advance(Records.flatMap((record, index) => toFeedEvent(record as _Record, index) ?? []))
}
