import type { StatementSync } from 'node:sqlite'

type Parameter = string | number | null

/** The row that a statement of this adapter finds, with the columns that it selects. */
export const readSqlRow = <T extends object>(
  statement: StatementSync,
  ...parameters: Parameter[]
): T | undefined => statement.get(...parameters) as T | undefined

/** All rows that a statement of this adapter finds. */
export const readSqlRows = <T extends object>(statement: StatementSync, ...parameters: Parameter[]): T[] =>
  statement.all(...parameters) as T[]
