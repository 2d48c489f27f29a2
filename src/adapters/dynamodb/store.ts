import {
  type CancellationReason,
  ConditionalCheckFailedException,
  type DynamoDBClient,
  TransactionCanceledException,
} from '@aws-sdk/client-dynamodb'
import {
  BatchGetCommand,
  DeleteCommand,
  DynamoDBDocumentClient,
  PutCommand,
  QueryCommand,
  TransactWriteCommand,
  UpdateCommand,
} from '@aws-sdk/lib-dynamodb'
import { unmarshall } from '@aws-sdk/util-dynamodb'
import type { Change, Stored, WriteResult } from '../../core/change.ts'
import { splitIntoChunks } from '../../core/chunks.ts'
import { SluiceError } from '../../core/errors.ts'
import { TABLE } from '../../core/names.ts'
import { makeTypedStore, type Store } from '../../core/ports/deciding.ts'
import { type ItemWrite, makeItemWrite, toStoredRecord } from './expressions.ts'
import { joinRecordKey, listPartitions, PARTITIONS, type Place, splitRecordKey } from './keys.ts'
import { isPassingFailure, retryPassingFailures } from './retry.ts'

/** Most keys of one BatchGetItem. */
const BATCH = 100

type Item = Record<string, unknown>
type ListedItem = { key: string; record: Stored }

/** Records as items of one table; see {@link makeTableInput}. */
export function makeDynamoStore(client: DynamoDBClient, table: string, now: () => number = Date.now): Store {
  const documents = DynamoDBDocumentClient.from(client, { marshallOptions: { removeUndefinedValues: true } })

  async function readBatch(wanted: string[], isStrong: boolean): Promise<Map<string, Stored>> {
    const found = new Map<string, Stored>()
    let left: Place[] = wanted.map(splitRecordKey)
    await retryPassingFailures(async () => {
      const result = await documents.send(
        new BatchGetCommand({ RequestItems: { [table]: { Keys: left, ConsistentRead: isStrong } } }),
      )
      for (const item of result.Responses?.[table] ?? []) found.set(joinRecordKey(item), toStoredRecord(item))
      left = (result.UnprocessedKeys?.[table]?.Keys ?? []) as Place[]
      return left.length === 0 ? true : undefined
    })
    return found
  }

  async function read(wanted: readonly string[], isStrong: boolean): Promise<(Stored | undefined)[]> {
    const unique = [...new Set(wanted)]
    const batches = await Promise.all(splitIntoChunks(unique, BATCH).map((keys) => readBatch(keys, isStrong)))
    const found = new Map(batches.flatMap((each) => [...each]))
    return wanted.map((key) => found.get(key))
  }

  function writeOne({ kind, input }: ItemWrite): Promise<WriteResult> {
    return retryPassingFailures(async () => {
      try {
        if (kind === 'put') await documents.send(new PutCommand(input))
        else if (kind === 'update') await documents.send(new UpdateCommand(input))
        else await documents.send(new DeleteCommand(input))
        return { ok: true }
      } catch (error) {
        if (!(error instanceof ConditionalCheckFailedException)) throw error
        return { ok: false, failures: [{ index: 0, current: readStandingRecord(error) }] }
      }
    })
  }

  function writeAll(writes: ItemWrite[]): Promise<WriteResult> {
    const TransactItems = writes.map(({ kind, input }) =>
      kind === 'put' ? { Put: input } : kind === 'update' ? { Update: input } : { Delete: input },
    )
    return retryPassingFailures(async () => {
      try {
        await documents.send(new TransactWriteCommand({ TransactItems }))
        return { ok: true }
      } catch (error) {
        if (!(error instanceof TransactionCanceledException)) throw error
        return readCancellation(error)
      }
    })
  }

  /** Items of one partition in order, page by page, from after a sort key on. */
  async function query(
    pk: string,
    sk: string,
    after: string,
    limit: number,
    isStrong: boolean,
  ): Promise<Item[]> {
    const items: Item[] = []
    let start: Item | undefined
    do {
      const result = await documents.send(
        new QueryCommand({
          TableName: table,
          ConsistentRead: isStrong,
          ...(start === undefined ? {} : { ExclusiveStartKey: start }),
          ...(Number.isFinite(limit) ? { Limit: limit - items.length } : {}),
          ...makeKeyRange(pk, sk, after),
        }),
      )
      items.push(...(result.Items ?? []))
      start = result.LastEvaluatedKey
    } while (start !== undefined && items.length < limit)
    return items
  }

  async function dueIn(shard: number, before: number, limit: number): Promise<Item[]> {
    const result = await documents.send(
      new QueryCommand({
        TableName: table,
        IndexName: TABLE.dueIndex,
        KeyConditionExpression: `${TABLE.dueShard} = :shard AND ${TABLE.dueAt} <= :before`,
        ExpressionAttributeValues: { ':shard': shard, ':before': before },
        Limit: limit,
      }),
    )
    return result.Items ?? []
  }

  return makeTypedStore({
    read: (wanted) => read(wanted, true),
    // Half the price: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.ReadConsistency.html
    readStale: (wanted) => read(wanted, false),
    async write(changes) {
      const writes = changes.map((change) => makeItemWrite(table, change, now()))
      const [only] = writes
      try {
        return await (writes.length === 1 && only ? writeOne(only) : writeAll(writes))
      } catch (error) {
        throw explainWriteError(changes, error)
      }
    },
    async list({ prefix, after = '', limit = Number.POSITIVE_INFINITY, consistency }) {
      const { pks, sk } = listPartitions(prefix)
      const from = after === '' ? '' : splitRecordKey(after).sk
      const pages = await Promise.all(pks.map((pk) => query(pk, sk, from, limit, consistency === 'strong')))
      return pages.flat().map(toListedRecord).sort(compareByKey).slice(0, limit)
    },
    async due({ before, limit }) {
      const shards = Array.from({ length: PARTITIONS }, (_, shard) => dueIn(shard, before, limit))
      const items = (await Promise.all(shards)).flat().sort((a, b) => Number(a.dueAt) - Number(b.dueAt))
      const wanted = items.slice(0, limit).map((item) => joinRecordKey(item))
      const records = await read(wanted, true)
      return wanted.flatMap((key, index) => {
        const record = records[index]
        // The index may be behind the table.
        const dueAt = record !== undefined && 'dueAt' in record ? record.dueAt : undefined
        return record !== undefined && dueAt !== undefined && dueAt <= before ? [{ key, record }] : []
      })
    },
  })
}

function makeKeyRange(pk: string, sk: string, after: string) {
  if (after === '' && sk === '')
    return { KeyConditionExpression: 'pk = :pk', ExpressionAttributeValues: { ':pk': pk } }
  if (after === '')
    return {
      KeyConditionExpression: 'pk = :pk AND begins_with(sk, :sk)',
      ExpressionAttributeValues: { ':pk': pk, ':sk': sk },
    }
  // Two conditions on one sort key are not allowed; what lies after `after` and begins otherwise is left out later.
  return {
    KeyConditionExpression: 'pk = :pk AND sk BETWEEN :after AND :end',
    ExpressionAttributeValues: { ':pk': pk, ':after': `${after}\u0000`, ':end': `${sk}\u{10ffff}` },
  }
}

const toListedRecord = (item: Item): ListedItem => ({
  key: joinRecordKey(item),
  record: toStoredRecord(item),
})
const compareByKey = (a: ListedItem, b: ListedItem) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0)

const readStandingRecord = ({ Item }: { Item?: CancellationReason['Item'] }) =>
  Item === undefined ? undefined : toStoredRecord(unmarshall(Item))

/** The failed conditions of a transaction; undefined if it only met another one and may be tried again. */
function readCancellation(error: TransactionCanceledException): WriteResult | undefined {
  const reasons = error.CancellationReasons ?? []
  const failures = reasons.flatMap((reason, index) =>
    reason.Code === 'ConditionalCheckFailed' ? [{ index, current: readStandingRecord(reason) }] : [],
  )
  if (failures.length > 0) return { ok: false, failures }
  if (reasons.some(({ Code }) => isPassingFailure(Code))) return undefined
  throw error
}

/** Most bytes of an item: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html */
const LARGEST = '400 KB'

function explainWriteError(changes: readonly Change[], error: unknown): unknown {
  const told = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
  const isTooLarge = /item size|exceeded the maximum allowed size|Item collection size/i.test(told)
  if (!isTooLarge) return error
  const keys = changes.map(({ key }) => key).join(', ')
  return new SluiceError('record_too_large', `The record ${keys} would be larger than ${LARGEST}.`, {
    cause: error,
    hint: 'Parameters, results and checkpoints are kept in records: put large values into a file and pass its path.',
  })
}
