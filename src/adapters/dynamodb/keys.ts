import { createHash } from 'node:crypto'
import { SluiceError } from '../../core/errors.ts'
import type { Key } from '../../core/keys.ts'

/** Where a record is in the table. */
export interface Place {
  pk: string
  sk: string
}

/** Over how many partitions the records of one run, and all runs, are spread: one takes 1,000 write units a second. */
export const PARTITIONS = 16

/** The key of an item whose partition holds nothing else. */
const ALONE = '-'

/**
 * Splits a record's key into partition and sort key. What is listed together shares a partition (those who wait for a
 * row) or a number of them (the task runs of a run); everything else has one of its own.
 */
export function splitRecordKey(key: string): Place {
  const [kind = '', name = '', third = '', ...rest] = key.split('/')
  switch (kind) {
    case 'task':
    case 'checkpoint':
      return spread(`${kind}/${name}`, third, third)
    case 'attempt':
      return spread(`${kind}/${name}`, third, [third, ...rest].join('/'))
    case 'run':
    case 'limit':
    case 'schedule':
      return spread(kind, key, key.slice(kind.length + 1))
    case 'showing':
      return { pk: `${kind}/${name}`, sk: key.slice(`${kind}/${name}/`.length) }
    case 'wait': {
      const row = parseAwaitedRow(key)
      return { pk: `wait/${row}`, sk: key.slice(`wait/${row}/`.length) }
    }
    default:
      return { pk: key, sk: ALONE }
  }
}

/** The key that the record of an item was written under. */
export function joinRecordKey({ pk, sk }: { pk?: unknown; sk?: unknown }): Key {
  const partition = String(pk)
  return (sk === ALONE ? partition : `${partition.replace(/#\d+$/, '')}/${sk}`) as Key
}

/** The partitions, and the beginning of the sort keys, of records whose keys begin so. */
export function listPartitions(prefix: string): { pks: string[]; sk: string } {
  const [kind = '', name = '', ...rest] = prefix.split('/')
  switch (kind) {
    case 'task':
    case 'checkpoint':
    case 'attempt':
      return { pks: listSpreadPartitions(`${kind}/${name}`), sk: rest.join('/') }
    case 'run':
    case 'limit':
    case 'schedule':
      return { pks: listSpreadPartitions(kind), sk: prefix.slice(kind.length + 1) }
    case 'showing':
      return { pks: [`${kind}/${name}`], sk: rest.join('/') }
    case 'wait':
      return { pks: [`wait/${parseAwaitedRow(prefix)}`], sk: '' }
    default:
      throw new SluiceError(
        'internal',
        `records under ${prefix} are not listed; the table forgets them by itself`,
      )
  }
}

/** `lock/ID`, `limit/resource/NAME` or `limit/budget/NAME` at the beginning of what comes after `wait/`. */
function parseAwaitedRow(key: string): string {
  const parts = key.split('/').slice(1)
  return parts.slice(0, parts[0] === 'lock' ? 2 : 3).join('/')
}

const spread = (collection: string, by: string, sk: string): Place => ({
  pk: `${collection}#${hashIntoShard(by)}`,
  sk,
})
const listSpreadPartitions = (collection: string) =>
  Array.from({ length: PARTITIONS }, (_, partition) => `${collection}#${partition}`)

/** The same of 16 for the same text; numbers go round, so that a range of them is spread evenly. */
export function hashIntoShard(text: string): number {
  const number = Number(text)
  if (text !== '' && Number.isInteger(number)) return number % PARTITIONS
  return (createHash('md5').update(text).digest()[0] ?? 0) % PARTITIONS
}
