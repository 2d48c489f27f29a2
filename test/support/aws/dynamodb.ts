import { randomUUID } from 'node:crypto'
import { CreateTableCommand, DynamoDBClient, paginateScan } from '@aws-sdk/client-dynamodb'
import {
  DescribeStreamCommand,
  DynamoDBStreamsClient,
  GetRecordsCommand,
  GetShardIteratorCommand,
} from '@aws-sdk/client-dynamodb-streams'
import { unmarshall } from '@aws-sdk/util-dynamodb'
import { makeStreamFeed } from '../../../src/adapters/dynamodb/stream-feed.ts'
import { makeTableInput } from '../../../src/adapters/dynamodb/table.ts'
import { indexWrites } from './counting.ts'
import type { JavaServer, Server } from './java.ts'

/** What every client here is made with; nothing leaves the machine. */
export const LOCAL = { region: 'eu-west-1', credentials: { accessKeyId: 'local', secretAccessKey: 'local' } }

/** Amazon's own DynamoDB Local. */
export const DYNAMODB_LOCAL: JavaServer = {
  artifact: ['com.amazonaws', 'DynamoDBLocal', '2.6.1'],
  args: (jars, port) => [
    `-Djava.library.path=${jars}`,
    '-cp',
    `${jars}/*`,
    'com.amazonaws.services.dynamodbv2.local.main.ServerRunner',
    '-inMemory',
    '-disableTelemetry',
    '-port',
    String(port),
  ],
}

/** A client of a server here. */
export const clientOf = ({ endpoint }: Server) => new DynamoDBClient({ ...LOCAL, endpoint })

/** A fresh table with its stream. */
export async function freshTable(server: Server) {
  const { endpoint } = server
  const client = clientOf(server)
  const table = `sluice-${randomUUID()}`
  const { TableDescription } = await client.send(new CreateTableCommand(makeTableInput(table)))
  const streams = new DynamoDBStreamsClient({ ...LOCAL, endpoint })
  const stream = TableDescription?.LatestStreamArn ?? ''
  return { client, table, stream, feed: makeStreamFeed(streams, stream) }
}

/** Every item of a table, as plain objects. */
export async function everyItem(client: DynamoDBClient, table: string): Promise<Record<string, unknown>[]> {
  const items: Record<string, unknown>[] = []
  for await (const page of paginateScan({ client }, { TableName: table }))
    items.push(...(page.Items ?? []).map((item) => unmarshall(item)))
  return items
}

/** Writes to the index on what is due, counted from the table's stream. */
export async function countIndexWrites({ endpoint }: Server, stream: string): Promise<number> {
  const client = new DynamoDBStreamsClient({ ...LOCAL, endpoint })
  const { StreamDescription } = await client.send(new DescribeStreamCommand({ StreamArn: stream }))
  let writes = 0
  for (const { ShardId } of StreamDescription?.Shards ?? []) {
    const begun = await client.send(
      new GetShardIteratorCommand({ StreamArn: stream, ShardId, ShardIteratorType: 'TRIM_HORIZON' }),
    )
    for (let iterator = begun.ShardIterator; iterator !== undefined; ) {
      const { Records = [], NextShardIterator } = await client.send(
        new GetRecordsCommand({ ShardIterator: iterator }),
      )
      for (const { dynamodb } of Records) writes += indexWrites(dynamodb?.OldImage, dynamodb?.NewImage)
      // An open shard goes on for ever; what is there has been read when nothing comes.
      iterator = Records.length === 0 ? undefined : NextShardIterator
    }
  }
  return writes
}
