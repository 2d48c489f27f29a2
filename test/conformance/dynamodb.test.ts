import { after } from 'node:test'
import { dynamoStore } from '../../src/adapters/dynamodb/store.ts'
import { DYNAMODB_LOCAL, freshTable } from '../support/aws/dynamodb.ts'
import { needsJava, startJava } from '../support/aws/java.ts'
import { testClock } from '../support/test-clock.ts'
import { feedSuite } from './feed.suite.ts'
import { storeSuite } from './store.suite.ts'

const options = needsJava('the DynamoDB store')
const server = options.skip === undefined ? await startJava(DYNAMODB_LOCAL) : undefined
after(() => server?.stop())

const make = async () => {
  const { client, table, feed } = await freshTable(server ?? { endpoint: '', stop() {} })
  return { clock: testClock(), store: dynamoStore(client, table), feed }
}

storeSuite('dynamodb', make, options)
feedSuite('dynamodb', make, options)
