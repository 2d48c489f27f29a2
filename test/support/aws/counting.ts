import type { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import type { SQSClient } from '@aws-sdk/client-sqs'

/** What was asked of DynamoDB and SQS, and what AWS bills for it. */
export interface Counts {
  /** Requests by the name of the command. */
  requests: { [command: string]: number }
  /** Write units without those of the index; every item is below 1 KB, which the test checks. */
  writeUnits: number
  readUnits: number
}

export const noCounts = (): Counts => ({ requests: {}, writeUnits: 0, readUnits: 0 })

interface Asked {
  RequestItems?: { [table: string]: { Keys?: unknown[]; ConsistentRead?: boolean } }
  TransactItems?: unknown[]
}

/**
 * Counts the requests of a client. Units as AWS bills items below 1 KB: a write, also one whose condition fails, is one,
 * within a transaction two; a strongly consistent read up to 4 KB is one, also of nothing, and any other a
 * half.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
 */
export function counting<C extends DynamoDBClient | SQSClient>(client: C, counts: Counts): C {
  const stack = client.middlewareStack as DynamoDBClient['middlewareStack']
  stack.add(
    (next, { commandName = '' }) =>
      (args) => {
        counts.requests[commandName] = (counts.requests[commandName] ?? 0) + 1
        const { RequestItems = {}, TransactItems = [] } = args.input as Asked
        if (/^(PutItem|UpdateItem|DeleteItem)/.test(commandName)) counts.writeUnits++
        counts.writeUnits += 2 * TransactItems.length
        for (const { Keys = [], ConsistentRead } of Object.values(RequestItems))
          counts.readUnits += ConsistentRead ? Keys.length : Keys.length / 2
        return next(args)
      },
    { step: 'initialize', name: 'counting' },
  )
  return client
}

type Image = { [name: string]: unknown } | undefined

/** Writes to the sparse index on `dueAt` that a change of an item makes: a changed key is a removal and an insertion. */
export function indexWrites(before: Image, after: Image): number {
  const [old, now] = [before?.dueAt, after?.dueAt].map((value) => value && JSON.stringify(value))
  if (old === now) return 0
  return old === undefined || now === undefined ? 1 : 2
}

/**
 * Bytes of an item as DynamoDB counts them: names and values in UTF-8, numbers by their digits, 3 for a map or list.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
 */
export function itemBytes(item: Record<string, unknown>): number {
  return Object.entries(item).reduce(
    (sum, [name, value]) => sum + Buffer.byteLength(name) + valueBytes(value),
    0,
  )
}

function valueBytes(value: unknown): number {
  if (typeof value === 'string') return Buffer.byteLength(value)
  // At most one byte for two digits, and one more; a sign is another.
  if (typeof value === 'number') return Math.ceil(String(Math.abs(value)).length / 2) + 2
  if (typeof value !== 'object' || value === null) return 1
  const inner = Array.isArray(value)
    ? value.reduce((sum: number, each) => sum + valueBytes(each), 0)
    : itemBytes(value as Record<string, unknown>)
  return 3 + inner
}
