import { after } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { makeSqsQueue } from '../../src/adapters/sqs/queue.ts'
import { makeSystemClock } from '../../src/adapters/system/clock.ts'
import { needsJava, startJava } from '../support/aws/java.ts'
import { ELASTICMQ, freshQueues } from '../support/aws/sqs.ts'
import { queueSuite } from './queue.suite.ts'

const options = needsJava('the SQS queue')
const server = options.skip === undefined ? await startJava(ELASTICMQ) : undefined
after(() => server?.stop())

/** Time of the service cannot be moved; a little more than asked for, because it counts in seconds. */
const clock = { ...makeSystemClock(), advance: (ms: number) => sleep(ms + 150) }

const make = async () => {
  const { client, urls } = await freshQueues(server ?? { endpoint: '', stop() {} }, ['default'])
  return { clock, queue: makeSqsQueue(client, { urls, fair: false }) }
}

queueSuite('sqs', make, options)
