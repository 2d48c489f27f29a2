import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { ReceiveMessageCommand, SendMessageCommand, SetQueueAttributesCommand } from '@aws-sdk/client-sqs'
import { makeRepairQueue } from '../../src/adapters/sqs/repair-queue.ts'
import { keys } from '../../src/core/keys.ts'
import { needsJava, startJava } from '../support/aws/java.ts'
import { ELASTICMQ, freshQueues } from '../support/aws/sqs.ts'

const options = needsJava('the queue of records to repair')
const server = options.skip === undefined ? await startJava(ELASTICMQ) : undefined
after(() => server?.stop())

describe('keys of records that could not be handled', options, () => {
  it('are handled once each; what fails, and what is not ours, comes again', async () => {
    const { client, urls } = await freshQueues(server ?? { endpoint: '', stop() {} }, ['repair'])
    const QueueUrl = urls.repair ?? ''
    await client.send(new SetQueueAttributesCommand({ QueueUrl, Attributes: { VisibilityTimeout: '2' } }))
    const queue = makeRepairQueue(client, QueueUrl)
    const good = Array.from({ length: 23 }, (_, number) => keys.taskRun('r-1', number))
    const bad = keys.run('bad')
    await queue.send([...good, bad])
    for (const MessageBody of ['not JSON', '{"other":1}'])
      await client.send(new SendMessageCommand({ QueueUrl, MessageBody }))
    const seen: string[] = []
    const handle = async (key: string) => {
      seen.push(key)
      if (key === bad) throw new Error('still cannot be read')
    }
    await queue.handleEach(handle)
    assert.deepEqual(seen.toSorted(), [...good, bad].toSorted())
    await queue.handleEach(handle)
    assert.equal(seen.length, good.length + 1, 'what failed is hidden for a while')
    await sleep(2_150)
    await queue.handleEach(handle)
    assert.deepEqual(seen.slice(good.length + 1), [bad])
    await sleep(2_150)
    const { Messages = [] } = await client.send(
      new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }),
    )
    assert.deepEqual(
      Messages.map(({ Body }) => Body).sort(),
      [JSON.stringify({ key: bad }), 'not JSON', '{"other":1}'].sort(),
    )
  })
})
