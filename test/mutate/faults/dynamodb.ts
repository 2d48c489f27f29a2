// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are texts of the product.
import type { Fault } from '../fault.ts'

const RETRIES = { test: 'test/conformance/retry.test.ts' }
const DYNAMODB_LOCAL = { test: 'test/conformance/dynamodb.test.ts' }

/** The DynamoDB adapter. */
export const DYNAMODB: Fault[] = [
  {
    name: 'a condition on an absent field always holds',
    file: 'src/adapters/dynamodb/expressions.ts',
    find: '? `attribute_not_exists(${aliases.name(field)})`',
    replace: "? `attribute_exists(${aliases.name('pk')})`",
    by: DYNAMODB_LOCAL,
    notInTurns: 'server',
  },
  {
    name: 'fields that are unset stay',
    file: 'src/adapters/dynamodb/expressions.ts',
    find: `const removes = absent.map((field) => aliases.name(field))`,
    replace: `const removes = absent.slice(absent.length).map((field) => aliases.name(field))`,
    by: DYNAMODB_LOCAL,
    notInTurns: 'server',
  },
  {
    name: 'a due record is in no shard',
    file: 'src/adapters/dynamodb/expressions.ts',
    find: `if (set.dueAt !== undefined) fields.dueShard = hashIntoShard(key)`,
    replace: `if (set.dueAt === null) fields.dueShard = hashIntoShard(key)`,
    by: DYNAMODB_LOCAL,
    notInTurns: 'server',
  },
  {
    name: 'versions do not count',
    file: 'src/adapters/dynamodb/expressions.ts',
    find: '+ ${aliases.value(1)}`',
    replace: '+ ${aliases.value(0)}`',
    by: DYNAMODB_LOCAL,
    notInTurns: 'server',
  },
  {
    name: 'a record is put where it is not listed',
    file: 'src/adapters/dynamodb/keys.ts',
    find: `return number % PARTITIONS`,
    replace: `return number % (PARTITIONS + 1)`,
    by: DYNAMODB_LOCAL,
    notInTurns: 'server',
  },
  {
    name: 'only the first page of a partition is listed',
    file: 'src/adapters/dynamodb/store.ts',
    find: `start = result.LastEvaluatedKey
    } while`,
    replace: `start = undefined
    } while`,
    by: DYNAMODB_LOCAL,
    notInTurns: 'server',
  },
  {
    name: 'what a batch left unread counts as absent',
    file: 'src/adapters/dynamodb/store.ts',
    find: `return left.length === 0 ? true : undefined`,
    replace: `return left.length >= 0 ? true : undefined`,
    by: DYNAMODB_LOCAL,
    notInTurns: 'server',
  },
  {
    name: 'a stale index is believed',
    file: 'src/adapters/dynamodb/store.ts',
    find: `dueAt !== undefined && dueAt <= before ?`,
    replace: `before > 0 ?`,
    by: DYNAMODB_LOCAL,
    notInTurns: 'server',
  },
  {
    name: 'a conflict of transactions is an error at once',
    file: 'src/adapters/dynamodb/retry.ts',
    find: `/^(TransactionConflict(Exception)?|`,
    replace: `/^(TransactionConflicts(Exception)?|`,
    by: RETRIES,
  },
]
