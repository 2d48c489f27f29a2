import { randomUUID } from 'node:crypto'
import { CreateTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { DynamoDBStreamsClient } from '@aws-sdk/client-dynamodb-streams'
import { streamFeed } from '../../../src/adapters/dynamodb/stream-feed.ts'
import { tableInput } from '../../../src/adapters/dynamodb/table.ts'
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
    '-port',
    String(port),
  ],
}

/** A fresh table with its stream. */
export async function freshTable({ endpoint }: Server) {
  const client = new DynamoDBClient({ ...LOCAL, endpoint })
  const table = `sluice-${randomUUID()}`
  const { TableDescription } = await client.send(new CreateTableCommand(tableInput(table)))
  const streams = new DynamoDBStreamsClient({ ...LOCAL, endpoint })
  return { client, table, feed: streamFeed(streams, TableDescription?.LatestStreamArn ?? '') }
}
