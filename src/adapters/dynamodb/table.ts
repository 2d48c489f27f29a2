import type { CreateTableCommandInput } from '@aws-sdk/client-dynamodb'

/** Name of the sparse index on what is due. */
export const DUE_INDEX = 'due'

/** Attributes that the table needs beside a record's own. */
export const OWN_ATTRIBUTES = ['pk', 'sk', 'dueShard', 'expiresAt'] as const

/** The one table: what CloudFormation creates on AWS, and tests on a local DynamoDB. */
export function tableInput(name: string): CreateTableCommandInput {
  return {
    TableName: name,
    BillingMode: 'PAY_PER_REQUEST',
    AttributeDefinitions: [
      { AttributeName: 'pk', AttributeType: 'S' },
      { AttributeName: 'sk', AttributeType: 'S' },
      { AttributeName: 'dueShard', AttributeType: 'N' },
      { AttributeName: 'dueAt', AttributeType: 'N' },
    ],
    KeySchema: [
      { AttributeName: 'pk', KeyType: 'HASH' },
      { AttributeName: 'sk', KeyType: 'RANGE' },
    ],
    GlobalSecondaryIndexes: [
      {
        IndexName: DUE_INDEX,
        KeySchema: [
          { AttributeName: 'dueShard', KeyType: 'HASH' },
          { AttributeName: 'dueAt', KeyType: 'RANGE' },
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
 * `kept` where what was said before still holds.
 */
export function expiryOf(
  key: string,
  set: Record<string, unknown>,
  nowMs: number,
): number | 'never' | 'kept' {
  const at = expiresAt(key, nowMs) ?? 'kept'
  if (!key.startsWith('lock/')) return at
  if (set.lost !== undefined || set.after !== undefined) return 'never'
  if (!('unproven' in set)) return 'kept'
  return set.unproven === undefined ? at : 'never'
}

/** When the table may forget a record that is put now, in seconds since 1970; undefined: never. */
export function expiresAt(key: string, nowMs: number): number | undefined {
  const days = KEPT_DAYS[key.slice(0, key.indexOf('/'))]
  return days === undefined ? undefined : Math.floor(nowMs / 1000) + days * DAY_S
}
