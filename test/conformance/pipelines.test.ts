import { join } from 'node:path'
import { after } from 'node:test'
import { makeDynamoStore } from '../../src/adapters/dynamodb/store.ts'
import { makeMemoryPlans } from '../../src/adapters/memory/plans.ts'
import { makeMemoryQueue } from '../../src/adapters/memory/queue.ts'
import { makeMemoryRecords } from '../../src/adapters/memory/records.ts'
import { openDatabase } from '../../src/adapters/sqlite/database.ts'
import { makeSqliteFeed } from '../../src/adapters/sqlite/feed.ts'
import { makeSqlitePlans } from '../../src/adapters/sqlite/plans.ts'
import { makeSqliteQueue } from '../../src/adapters/sqlite/queue.ts'
import { makeSqliteStore } from '../../src/adapters/sqlite/store.ts'
import { makeSqsQueue } from '../../src/adapters/sqs/queue.ts'
import { DYNAMODB_LOCAL, freshTable } from '../support/aws/dynamodb.ts'
import { needsJava, startJava } from '../support/aws/java.ts'
import { ELASTICMQ, freshQueues } from '../support/aws/sqs.ts'
import { temporaryFolder } from '../support/folders.ts'
import { pipelinesSuite } from './pipelines.suite.ts'

pipelinesSuite('memory', async (_, clock) => ({
  ...makeMemoryRecords(() => clock.wake('events')),
  queue: makeMemoryQueue(clock),
  plans: makeMemoryPlans(),
}))

pipelinesSuite('sqlite', async (test, clock) => {
  const database = openDatabase(join(temporaryFolder(test), 'state.db'))
  test.after(() => database.close())
  const feed = makeSqliteFeed(database, 'one', clock, async () => false)
  const store = makeSqliteStore(database, feed, () => clock.wake('events'))
  const queue = makeSqliteQueue(database, 'one', clock, () => clock.wake('messages'))
  return {
    store,
    feed,
    queue,
    speculative: { store: store.speculative, queue: queue.speculative },
    plans: makeSqlitePlans(database),
  }
})

const options = needsJava('the engine on DynamoDB and SQS')
const servers =
  options.skip === undefined ? await Promise.all([DYNAMODB_LOCAL, ELASTICMQ].map(startJava)) : []
after(() => {
  for (const server of servers) server.stop()
})

pipelinesSuite(
  'dynamodb and sqs',
  async () => {
    const [dynamodb, sqs] = servers as [(typeof servers)[number], (typeof servers)[number]]
    const { client, table, feed } = await freshTable(dynamodb)
    const queues = await freshQueues(sqs, ['default'])
    return {
      store: makeDynamoStore(client, table),
      feed,
      queue: makeSqsQueue(queues.client, { urls: queues.urls, fair: false }),
      plans: makeMemoryPlans(),
    }
  },
  options,
)
