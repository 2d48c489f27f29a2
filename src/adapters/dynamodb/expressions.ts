import type { Change, Stored } from '../../core/change.ts'
import { hashIntoShard, type Place, splitRecordKey } from './keys.ts'
import { computeExpirySeconds, decideExpiry, OWN_ATTRIBUTES } from './table.ts'

/** What one change is for DynamoDB, the same on its own and within a transaction. */
export type ItemWrite =
  | { kind: 'put'; input: Common & { Item: Record<string, unknown> } }
  | { kind: 'update'; input: Common & { Key: Place; UpdateExpression: string } }
  | { kind: 'delete'; input: Common & { Key: Place } }

interface Common {
  TableName: string
  ConditionExpression?: string
  ExpressionAttributeNames?: Record<string, string>
  ExpressionAttributeValues?: Record<string, unknown>
  ReturnValuesOnConditionCheckFailure: 'ALL_OLD'
}

/** Names and values of an expression; every name is an alias, because so many words are reserved. */
class Aliases {
  readonly names: Record<string, string> = {}
  readonly values: Record<string, unknown> = {}

  name(field: string): string {
    this.names[`#${field}`] = field
    return `#${field}`
  }

  value(value: unknown): string {
    const alias = `:v${Object.keys(this.values).length}`
    this.values[alias] = value
    return alias
  }

  get input() {
    return {
      ...(Object.keys(this.names).length === 0 ? {} : { ExpressionAttributeNames: this.names }),
      ...(Object.keys(this.values).length === 0 ? {} : { ExpressionAttributeValues: this.values }),
    }
  }
}

/** Translates a change; `now` says when the record may be forgotten. */
export function makeItemWrite(table: string, change: Change, now: number): ItemWrite {
  const place = splitRecordKey(change.key)
  const aliases = new Aliases()
  const condition = makeConditionExpression(change, aliases)
  const common = () => ({
    TableName: table,
    ...(condition === undefined ? {} : { ConditionExpression: condition }),
    ...aliases.input,
    ReturnValuesOnConditionCheckFailure: 'ALL_OLD' as const,
  })
  if ('remove' in change) return { kind: 'delete', input: { Key: place, ...common() } }
  if ('put' in change) return { kind: 'put', input: { Item: makeItem(change, place, now), ...common() } }
  const UpdateExpression = makeUpdateExpression(change.key, change.set, aliases, now)
  return { kind: 'update', input: { Key: place, UpdateExpression, ...common() } }
}

function makeConditionExpression({ if: wanted }: Change, aliases: Aliases): string | undefined {
  if (wanted === undefined) return undefined
  if (wanted === 'absent') return `attribute_not_exists(${aliases.name('pk')})`
  const parts = Object.entries(wanted).map(([field, value]) =>
    value === undefined
      ? `attribute_not_exists(${aliases.name(field)})`
      : `${aliases.name(field)} = ${aliases.value(value)}`,
  )
  return parts.length === 0 ? undefined : parts.join(' AND ')
}

/** A record that is put on condition of a version has the next one; any other begins anew. */
function makeItem(change: Change & { put: object }, place: Place, now: number): Record<string, unknown> {
  const before = typeof change.if === 'object' ? Number(change.if.version ?? 0) : 0
  const expires = computeExpirySeconds(change.key, now)
  return {
    ...place,
    ...change.put,
    version: before + 1,
    ...('dueAt' in change.put && change.put.dueAt !== undefined
      ? { dueShard: hashIntoShard(change.key) }
      : {}),
    ...(expires === undefined ? {} : { expiresAt: expires }),
  }
}

function makeUpdateExpression(
  key: string,
  set: Record<string, unknown>,
  aliases: Aliases,
  now: number,
): string {
  const expiry = decideExpiry(key, set, now)
  const fields: Record<string, unknown> = {
    ...set,
    ...(expiry === 'kept' ? {} : { expiresAt: expiry === 'never' ? undefined : expiry }),
  }
  if (set.dueAt !== undefined) fields.dueShard = hashIntoShard(key)
  const present = Object.entries(fields).filter(([, value]) => value !== undefined)
  const absent = Object.keys(fields).filter((field) => fields[field] === undefined)
  const version = aliases.name('version')
  const sets = [
    ...present.map(([field, value]) => `${aliases.name(field)} = ${aliases.value(value)}`),
    `${version} = if_not_exists(${version}, ${aliases.value(0)}) + ${aliases.value(1)}`,
  ]
  const removes = absent.map((field) => aliases.name(field))
  return [`SET ${sets.join(', ')}`, ...(removes.length === 0 ? [] : [`REMOVE ${removes.join(', ')}`])].join(
    ' ',
  )
}

/** The record of an item, without what only the table needs. */
export function toStoredRecord(item: Record<string, unknown>): Stored {
  const record = { ...item }
  for (const name of OWN_ATTRIBUTES) delete record[name]
  return record as unknown as Stored
}
