import type { CreateTableCommandInput } from '@aws-sdk/client-dynamodb'
import { TABLE } from '../../core/names.ts'

/** Attributes that the table needs beside a record's own. */
export const OWN_ATTRIBUTES = [TABLE.partitionKey, TABLE.sortKey, TABLE.dueShard, TABLE.expiresAt] as const

/** The one table: what CloudFormation creates on AWS, and tests on a local DynamoDB. */
export function makeTableInput(name: string): CreateTableCommandInput {
  return {
    TableName: name,
    BillingMode: 'PAY_PER_REQUEST',
    AttributeDefinitions: [
      { AttributeName: TABLE.partitionKey, AttributeType: 'S' },
      { AttributeName: TABLE.sortKey, AttributeType: 'S' },
      { AttributeName: TABLE.dueShard, AttributeType: 'N' },
      { AttributeName: TABLE.dueAt, AttributeType: 'N' },
    ],
    KeySchema: [
      { AttributeName: TABLE.partitionKey, KeyType: 'HASH' },
      { AttributeName: TABLE.sortKey, KeyType: 'RANGE' },
    ],
    GlobalSecondaryIndexes: [
      {
        IndexName: TABLE.dueIndex,
        KeySchema: [
          { AttributeName: TABLE.dueShard, KeyType: 'HASH' },
          { AttributeName: TABLE.dueAt, KeyType: 'RANGE' },
        ],
        // Only the keys: a heartbeat writes nothing to the index.
        Projection: { ProjectionType: 'KEYS_ONLY' },
      },
    ],
    StreamSpecification: { StreamEnabled: true, StreamViewType: 'NEW_AND_OLD_IMAGES' },
  }
}

const DAY_S = 86_400
/** For how many days a record is kept after its last write; what is not here stays for ever. */
const KEPT_DAYS: { [kind: string]: number } = {
  run: 90,
  task: 90,
  attempt: 90,
  checkpoint: 90,
  wait: 90,
  execution: 90,
  showing: 90,
  lock: 30,
}

/**
 * When the table may forget a record whose fields are set now: `never` while a lock says that a target proves nothing or is another's,
 * `kept` if what was said before still holds. On one machine `control/prune.ts` forgets locks by the same rule.
 */
export function decideExpiry(
  key: string,
  set: Record<string, unknown>,
  nowMs: number,
): number | 'never' | 'kept' {
  const at = computeExpirySeconds(key, nowMs) ?? 'kept'
  if (!key.startsWith('lock/')) return at
  if (set.lost !== undefined || set.after !== undefined) return 'never'
  if (!('unproven' in set)) return 'kept'
  return set.unproven === undefined ? at : 'never'
}

/** When the table may forget a record that is put now, in seconds since 1970; undefined: never. */
export function computeExpirySeconds(key: string, nowMs: number): number | undefined {
  const days = KEPT_DAYS[key.slice(0, key.indexOf('/'))]
  return days === undefined ? undefined : Math.floor(nowMs / 1000) + days * DAY_S
}
