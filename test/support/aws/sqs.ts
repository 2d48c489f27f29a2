import { randomUUID } from 'node:crypto'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CreateQueueCommand, SQSClient } from '@aws-sdk/client-sqs'
import { LOCAL } from './dynamodb.ts'
import type { JavaServer, Server } from './java.ts'

/** ElasticMQ, a server of the SQS protocol. */
export const ELASTICMQ: JavaServer = {
  artifact: ['org.elasticmq', 'elasticmq-server_2.13', '1.6.11'],
  args: (jars, port) => {
    const config = join(mkdtempSync(join(tmpdir(), 'sluice-sqs-')), 'elasticmq.conf')
    writeFileSync(
      config,
      `include classpath("application.conf")
       node-address { protocol = http, host = "127.0.0.1", port = ${port}, context-path = "" }
       rest-sqs { enabled = true, bind-port = ${port}, bind-hostname = "127.0.0.1", sqs-limits = strict }
       rest-stats { enabled = false }`,
    )
    return [`-Dconfig.file=${config}`, '-cp', `${jars}/*`, 'org.elasticmq.server.Main']
  },
}

/** A fresh queue for each pool. */
export async function freshQueues({ endpoint }: Server, pools: string[]) {
  const client = new SQSClient({ ...LOCAL, endpoint })
  const urls: Record<string, string> = {}
  for (const pool of pools) {
    const { QueueUrl = '' } = await client.send(
      new CreateQueueCommand({ QueueName: `${pool}-${randomUUID()}` }),
    )
    urls[pool] = QueueUrl
  }
  return { client, urls }
}
