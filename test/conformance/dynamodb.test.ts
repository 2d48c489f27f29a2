import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { makeItemWrite } from '../../src/adapters/dynamodb/expressions.ts'
import {
  joinRecordKey,
  listPartitions,
  PARTITIONS,
  splitRecordKey,
} from '../../src/adapters/dynamodb/keys.ts'
import { makeDynamoStore } from '../../src/adapters/dynamodb/store.ts'
import { decideExpiry } from '../../src/adapters/dynamodb/table.ts'
import { keys } from '../../src/core/keys.ts'
import { DYNAMODB_LOCAL, freshTable } from '../support/aws/dynamodb.ts'
import { needsJava, startJava } from '../support/aws/java.ts'
import { taskRun } from '../support/records.ts'
import { testClock } from '../support/test-clock.ts'
import { feedSuite } from './feed.suite.ts'
import { storeSuite } from './store.suite.ts'

const options = needsJava('the DynamoDB store')
const server = options.skip === undefined ? await startJava(DYNAMODB_LOCAL) : undefined
after(() => server?.stop())

const make = async () => {
  const { client, table, feed } = await freshTable(server ?? { endpoint: '', stop() {} })
  return { clock: testClock(), client, store: makeDynamoStore(client, table), feed }
}

storeSuite('dynamodb', make, options)
feedSuite('dynamodb', make, options)

describe('the DynamoDB store', options, () => {
  it('lists a partition that is larger than the 1 MB of one answer', async () => {
    const { store } = await make()
    const value = 'x'.repeat(390_000)
    const wanted = [0, 1, 2, 3].map((number) => keys.checkpoint('r-1', number * PARTITIONS))
    for (const key of wanted) await store.write([{ key, put: { kind: 'checkpoint', at: 1, value } }])
    const listed = await store.list({ prefix: 'checkpoint/r-1/', consistency: 'strong' })
    assert.deepEqual(listed.map(({ key }) => key).sort(), wanted.toSorted())
  })

  it('asks again for what a batch left unread', async () => {
    const { client, store } = await make()
    const key = keys.taskRun('r-1', 1)
    await store.write([{ key, put: taskRun({ number: 1 }) }])
    let asked = 0
    client.middlewareStack.add((next) => async (args) => {
      const answer = await next(args)
      if (asked++ === 0 && 'RequestItems' in args.input)
        Object.assign(answer.output, { Responses: {}, UnprocessedKeys: args.input.RequestItems })
      return answer
    })
    assert.equal((await store.read([key]))[0]?.version, 1)
    assert.equal(asked, 2)
  })

  it('tells of nothing that is due no longer, though the index still has it', async () => {
    const { client, store } = await make()
    const key = keys.taskRun('r-1', 1)
    await store.write([{ key, put: taskRun({ number: 1, dueAt: 100 }) }])
    client.middlewareStack.add((next) => async (args) => {
      const answer = await next(args)
      const { Items = [] } = answer.output as { Items?: unknown[] }
      if ('IndexName' in args.input && Items.length > 0)
        await store.write([{ key, set: { dueAt: undefined } }])
      return answer
    })
    assert.deepEqual(await store.due({ before: 200, limit: 10 }), [])
  })
})

describe('the table', () => {
  it('lists every partition in which a record is put, and knows its key again', () => {
    const { pks } = listPartitions(keys.taskRuns('r-1'))
    for (let number = 0; number < 40; number++) {
      const place = splitRecordKey(keys.taskRun('r-1', number))
      assert.ok(pks.includes(place.pk), place.pk)
      assert.equal(joinRecordKey(place), keys.taskRun('r-1', number))
    }
  })

  const day = 86_400
  it('forgets a lock 30 days after its last success, and never one that says that a target proves nothing', () => {
    assert.equal(decideExpiry('lock/t', { unproven: true }, 0), 'never')
    assert.equal(decideExpiry('lock/t', { holder: undefined, lastEndAt: 1 }, 0), 'kept')
    assert.equal(decideExpiry('lock/t', { holder: undefined, unproven: undefined }, 0), 30 * day)
    assert.equal(decideExpiry('task/r/0', { status: 'queued' }, 0), 90 * day)
    assert.equal(decideExpiry('limit/pool/p', { freed: 1 }, 0), 'kept')
  })

  it('keeps and drops the instant of forgetting with the write that says so', () => {
    const update = (set: Record<string, unknown>) => {
      const { input } = makeItemWrite('t', { key: 'lock/t', set }, 0)
      return 'UpdateExpression' in input ? input.UpdateExpression : ''
    }
    assert.match(update({ unproven: true }), /REMOVE #expiresAt$/)
    assert.doesNotMatch(update({ waiting: true }), /expiresAt/)
    assert.match(update({ unproven: undefined }), /SET #expiresAt = .* REMOVE #unproven$/)
  })
})
