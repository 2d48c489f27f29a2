import {
  DescribeStreamCommand,
  type DynamoDBStreamsClient,
  GetRecordsCommand,
  GetShardIteratorCommand,
  type Shard,
} from '@aws-sdk/client-dynamodb-streams'
import type { Feed, FeedEvent } from '../../core/ports/deciding.ts'
import { toFeedEvent } from './stream-event.ts'

/*
 * The stream of a table as a feed, for a process that reads it itself; in a deployment Lambda reads the stream. Owns its place in
 * each shard, in memory alone. Nothing tells it anything: it asks DynamoDB.
 * Invariants:
 * 1. A shard is begun when its parent has been read to its end, so the changes of one record stay in order.
 * 2. An event stays in `delivered` until it is acknowledged; the next look at the stream comes when none is left.
 * 3. A process that begins anew reads from the oldest record that the stream still has, so events come again.
 */

/** Follows the stream of a table from its oldest record on; for one process at a time. */
export function makeStreamFeed(client: DynamoDBStreamsClient, stream: string): Feed {
  /** Where each shard that is being read goes on. */
  const iterators = new Map<string, string>()
  const begun = new Set<string>()
  let delivered: FeedEvent[] = []
  let sequence = 0

  async function shards(): Promise<Shard[]> {
    const found: Shard[] = []
    let after: string | undefined
    do {
      const { StreamDescription } = await client.send(
        new DescribeStreamCommand({
          StreamArn: stream,
          ...(after === undefined ? {} : { ExclusiveStartShardId: after }),
        }),
      )
      found.push(...(StreamDescription?.Shards ?? []))
      after = StreamDescription?.LastEvaluatedShardId
    } while (after !== undefined)
    return found
  }

  /** Begins shards whose parent has been read to its end, so that the changes of a record stay in order. */
  async function beginShards(): Promise<void> {
    const all = await shards()
    const ids = new Set(all.map(({ ShardId }) => ShardId))
    const isOver = (id: string | undefined) =>
      id === undefined || !ids.has(id) || (begun.has(id) && !iterators.has(id))
    for (const { ShardId = '', ParentShardId } of all) {
      if (begun.has(ShardId) || !isOver(ParentShardId)) continue
      const { ShardIterator } = await client.send(
        new GetShardIteratorCommand({ StreamArn: stream, ShardId, ShardIteratorType: 'TRIM_HORIZON' }),
      )
      begun.add(ShardId)
      if (ShardIterator !== undefined) iterators.set(ShardId, ShardIterator)
    }
  }

  async function readShard([id, iterator]: [string, string]): Promise<FeedEvent[]> {
    const { Records = [], NextShardIterator } = await client.send(
      new GetRecordsCommand({ ShardIterator: iterator }),
    )
    if (NextShardIterator === undefined) iterators.delete(id)
    else iterators.set(id, NextShardIterator)
    return Records.flatMap((record) => toFeedEvent(record, ++sequence) ?? [])
  }

  async function poll(): Promise<void> {
    const before = iterators.size
    for (const events of await Promise.all([...iterators].map(readShard))) delivered.push(...events)
    if (before === 0 || iterators.size < before) await beginShards()
  }

  return {
    async take(limit) {
      if (delivered.length === 0) await poll()
      // The first call only finds the shards.
      if (delivered.length === 0) await poll()
      return delivered.slice(0, limit)
    },
    async acknowledge(events) {
      const done = new Set(events.map((event) => event.sequence))
      delivered = delivered.filter((event) => !done.has(event.sequence))
    },
  }
}
