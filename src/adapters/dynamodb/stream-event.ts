import type { _Record, AttributeValue as StreamValue } from '@aws-sdk/client-dynamodb-streams'
import { unmarshall } from '@aws-sdk/util-dynamodb'
import { isCarriedByFeed } from '../../core/change.ts'
import type { FeedEvent } from '../../core/ports/deciding.ts'
import { toStoredRecord } from './expressions.ts'
import { joinRecordKey } from './keys.ts'

/** What the engine is told of a record of the table's stream; undefined for heartbeats, inserts and the like. */
export function toFeedEvent({ dynamodb }: _Record, sequence: number): FeedEvent | undefined {
  const [before, after] = [unmarshallImage(dynamodb?.OldImage), unmarshallImage(dynamodb?.NewImage)]
  if (after === undefined) return undefined
  const image = toStoredRecord(after)
  if (!isCarriedByFeed(before && toStoredRecord(before), image)) return undefined
  return { sequence, key: joinRecordKey(after), image }
}

// The two clients type the same values apart.
const unmarshallImage = (image: Record<string, StreamValue> | undefined) =>
  image === undefined ? undefined : unmarshall(image as Parameters<typeof unmarshall>[0])
