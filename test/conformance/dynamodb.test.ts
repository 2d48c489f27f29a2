import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { itemWrite } from '../../src/adapters/dynamodb/expressions.ts'
import { dynamoStore } from '../../src/adapters/dynamodb/store.ts'
import { expiryOf } from '../../src/adapters/dynamodb/table.ts'
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

describe('the table', () => {
  const day = 86_400
  it('forgets a lock 30 days after its last success, and never one that says that a target proves nothing', () => {
    assert.equal(expiryOf('lock/t', { unproven: true }, 0), 'never')
    assert.equal(expiryOf('lock/t', { holder: undefined, lastEndAt: 1 }, 0), 'kept')
    assert.equal(expiryOf('lock/t', { holder: undefined, unproven: undefined }, 0), 30 * day)
    assert.equal(expiryOf('task/r/0', { status: 'queued' }, 0), 90 * day)
    assert.equal(expiryOf('limit/pool/p', { freed: 1 }, 0), 'kept')
  })

  it('keeps and drops the instant of forgetting with the write that says so', () => {
    const update = (set: Record<string, unknown>) => {
      const { input } = itemWrite('t', { key: 'lock/t', set }, 0)
      return 'UpdateExpression' in input ? input.UpdateExpression : ''
    }
    assert.match(update({ unproven: true }), /REMOVE #expiresAt$/)
    assert.doesNotMatch(update({ waiting: true }), /expiresAt/)
    assert.match(update({ unproven: undefined }), /SET #expiresAt = .* REMOVE #unproven$/)
  })
})
