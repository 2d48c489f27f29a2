import {
  DeleteMessageCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs'
import { z } from 'zod'
import { readErrorMessage } from '../../core/errors.ts'
import type { Key } from '../../core/keys.ts'

/** Most messages of one request. */
const BATCH = 10
/** So many requests a call makes at most; what is left waits for the next one. */
const MOST_REQUESTS = 20

const MESSAGE = z.object({ key: z.string().transform((key) => key as Key) })

/** Keys of records that could not be handled. */
export interface RepairQueue {
  send(keys: readonly string[]): Promise<void>
  /**
   * Takes the keys that wait. One for which `handle` rejects comes again once it is visible, and ends among the dead letters; so does
   * a message that is not ours.
   */
  handleEach(handle: (key: Key) => Promise<void>): Promise<void>
}

/** Keys in a queue of SQS. Its visibility timeout has to be longer than one call of `handleEach` may take. */
export function makeRepairQueue(client: SQSClient, QueueUrl: string): RepairQueue {
  async function handleOne(body: string, ReceiptHandle: string, handle: (key: Key) => Promise<void>) {
    try {
      await handle(MESSAGE.parse(JSON.parse(body)).key)
      await client.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }))
    } catch (error) {
      console.error(`${body.slice(0, 1_000)} could not be repaired: ${readErrorMessage(error)}`)
    }
  }

  return {
    async send(keys) {
      for (const key of keys)
        await client.send(new SendMessageCommand({ QueueUrl, MessageBody: JSON.stringify({ key }) }))
    },
    async handleEach(handle) {
      for (let requests = 0; requests < MOST_REQUESTS; requests++) {
        const { Messages = [] } = await client.send(
          new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: BATCH }),
        )
        if (Messages.length === 0) return
        for (const { Body = '', ReceiptHandle = '' } of Messages) await handleOne(Body, ReceiptHandle, handle)
      }
    },
  }
}
