import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs'
import type { SQSBatchResponse, SQSEvent } from 'aws-lambda'

const sqs = new SQSClient({})

/** Sends each message on as often as it says, and does nothing else. */
export async function handler({ Records }: SQSEvent): Promise<SQSBatchResponse> {
  for (const { body } of Records)
    if (Number(body) > 0)
      await sqs.send(
        new SendMessageCommand({ QueueUrl: process.env.QUEUE_URL, MessageBody: String(Number(body) - 1) }),
      )
  return { batchItemFailures: [] }
}
