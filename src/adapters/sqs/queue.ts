import {
  DeleteMessageBatchCommand,
  type Message as Received,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs'
import { splitIntoChunks } from '../../core/chunks.ts'
import { SluiceError } from '../../core/errors.ts'
import { parsePipelineOfRun } from '../../core/identity.ts'
import type { Delivery, Message, OutgoingMessage, Queue } from '../../core/ports/deciding.ts'

/** Most messages of one request. */
const BATCH = 10

/** How the queue is used. */
export interface SqsQueueOptions {
  /** URL of each pool's queue. */
  urls: { readonly [pool: string]: string }
  /** How long a request waits for the first message, up to 20 s. @default 0 */
  waitSeconds?: number
  /** Fair queues by pipeline: `MessageGroupId` on a standard queue, which not every emulator takes. @default true */
  fair?: boolean
}

/**
 * Messages in a standard queue per pool, with fair queues by pipeline. SQS knows neither priorities nor runs: a worker
 * is given any message, and messages of a run that is forgotten are dropped by their claim.
 */
export function makeSqsQueue(
  client: SQSClient,
  { urls, waitSeconds = 0, fair = true }: SqsQueueOptions,
): Queue {
  function urlOf(pool: string): string {
    const url = urls[pool]
    if (url !== undefined) return url
    throw new SluiceError(
      'internal',
      `the pool ${pool} has no queue; there are: ${Object.keys(urls).join(', ')}`,
    )
  }

  async function sendBatch(pool: string, batch: OutgoingMessage[]): Promise<void> {
    let left = batch
    // A request may succeed in part; what failed by the fault of SQS is sent again, anything else is an error.
    while (left.length > 0) {
      const { Failed = [] } = await client.send(
        new SendMessageBatchCommand({
          QueueUrl: urlOf(pool),
          Entries: left.map((each, index) => makeSendEntry(each, index, fair)),
        }),
      )
      const ours = Failed.find(({ SenderFault }) => SenderFault)
      if (ours !== undefined) throw new Error(`SQS refuses a message: ${ours.Code}: ${ours.Message}`)
      left = Failed.flatMap(({ Id }) => left[Number(Id)] ?? [])
    }
  }

  async function takeFrom(pool: string, wanted: number, visibilityMs: number): Promise<Delivery[]> {
    if (wanted <= 0) return []
    const url = urlOf(pool)
    const { Messages = [] } = await client.send(
      new ReceiveMessageCommand({
        QueueUrl: url,
        MaxNumberOfMessages: Math.min(wanted, BATCH),
        VisibilityTimeout: Math.ceil(visibilityMs / 1000),
        WaitTimeSeconds: waitSeconds,
      }),
    )
    return Messages.flatMap((received) => toDeliveries(url, received))
  }

  async function acknowledge(deliveries: Delivery[]): Promise<void> {
    const byQueue = Map.groupBy(deliveries.map(parseReceipt), ({ url }) => url)
    for (const [QueueUrl, receipts] of byQueue)
      for (const batch of splitIntoChunks(receipts, BATCH))
        await client.send(
          new DeleteMessageBatchCommand({
            QueueUrl,
            Entries: batch.map(({ handle }, index) => ({ Id: String(index), ReceiptHandle: handle })),
          }),
        )
  }

  return {
    async send(messages) {
      const batches = [...Map.groupBy(messages, ({ pool }) => pool)].flatMap(([pool, all]) =>
        splitIntoChunks(all, BATCH).map((batch) => sendBatch(pool, batch)),
      )
      await Promise.all(batches)
    },
    async take({ pools, limit, visibilityMs }) {
      const taken: Delivery[] = []
      for (const [pool, room] of Object.entries(pools))
        taken.push(...(await takeFrom(pool, Math.min(room, limit - taken.length), visibilityMs)))
      return taken
    },
    acknowledge,
    // Sent anew: a message that waits for long must not look like one that cannot be handled, which its count of
    // receipts would make it.
    async putBack(delivery, delayMs) {
      const { url } = parseReceipt(delivery)
      const entry = makeSendEntry({ message: delivery.message, delayMs }, 0, fair)
      await client.send(
        new SendMessageCommand({
          QueueUrl: url,
          MessageBody: entry.MessageBody,
          DelaySeconds: entry.DelaySeconds,
          ...('MessageGroupId' in entry ? { MessageGroupId: entry.MessageGroupId } : {}),
        }),
      )
      await acknowledge([delivery])
    },
    async remove() {},
  }
}

const makeSendEntry = (
  { message, delayMs }: Pick<OutgoingMessage, 'message' | 'delayMs'>,
  index: number,
  fair: boolean,
) => ({
  Id: String(index),
  MessageBody: JSON.stringify(message),
  DelaySeconds: Math.ceil(delayMs / 1000),
  ...(fair ? { MessageGroupId: parsePipelineOfRun(message.run) } : {}),
})

/** A message as it was taken; undefined for one that is not ours. */
export function parseDelivery(url: string, body: string, handle: string): Delivery | undefined {
  const message = parseMessage(body)
  return message === undefined ? undefined : { message, receipt: JSON.stringify({ url, handle }) }
}

/** A message that is not ours is left to the dead-letter queue: it is never acknowledged. */
const toDeliveries = (url: string, { Body = '', ReceiptHandle = '' }: Received): Delivery[] => {
  const delivery = parseDelivery(url, Body, ReceiptHandle)
  return delivery === undefined ? [] : [delivery]
}

function parseMessage(body: string): Message | undefined {
  try {
    const { run, number, attempt } = JSON.parse(body)
    const isOurs = typeof run === 'string' && Number.isInteger(number) && Number.isInteger(attempt)
    return isOurs ? { run, number, attempt } : undefined
  } catch {
    return undefined
  }
}

const parseReceipt = ({ receipt }: Delivery): { url: string; handle: string } => JSON.parse(receipt)
