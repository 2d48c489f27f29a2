import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { retryPassingFailures } from '../../src/adapters/dynamodb/retry.ts'

const named = (name: string) => Object.assign(new Error('slow down'), { name })

describe('requests to DynamoDB', () => {
  it('are made again while they are throttled or meet another transaction', async () => {
    const answers = [
      named('ThrottlingException'),
      named('ProvisionedThroughputExceededException'),
      named('TransactionConflictException'),
      undefined,
      'done',
    ]
    const made: unknown[] = []
    const result = await retryPassingFailures(async () => {
      const answer = answers[made.length]
      made.push(answer)
      if (answer instanceof Error) throw answer
      return answer
    })
    assert.equal(result, 'done')
    assert.equal(made.length, 5)
  })

  it('are made once where another try cannot help', async () => {
    let made = 0
    const denied = retryPassingFailures(async () => {
      made++
      throw named('AccessDeniedException')
    })
    await assert.rejects(denied, /slow down/)
    assert.equal(made, 1)
  })

  it('give up at last, with what was told', async () => {
    const busy = retryPassingFailures(async () => {
      throw named('RequestLimitExceeded')
    })
    await assert.rejects(busy, { name: 'RequestLimitExceeded' })
  })
})
