import type { z } from 'zod'
import type { Control } from '../control/control.ts'
import { OPERATIONS } from '../control/operations.ts'

/** The name of an operation of {@link Control} that is one request and one answer. */
export type OperationName = keyof typeof OPERATIONS
/** What an operation takes. */
export type RequestOf<Name extends OperationName> = Parameters<Control[Name]>[0]
/** What an operation returns. */
export type AnswerOf<Name extends OperationName> = Awaited<ReturnType<Control[Name]>>

/** How an answer that is no error is sent: done, made, begun, or not done before it is confirmed. */
export type Status = 200 | 201 | 202 | 409

/** Largest request that has no plan in it, in bytes. */
export const MAX_REQUEST_BYTES = 1_000_000
/** Largest request with a plan or a long cursor: 6 MB is what a Lambda function is invoked with at most, see "Lambda quotas". */
export const MAX_LONG_REQUEST_BYTES = 10_000_000
/** A URL of this length passes every server and proxy; what is longer goes into a body. */
export const MAX_URL_LENGTH = 4_000

/** How HTTP has an operation: one row makes the path of the API, the call of the client, and the documentation. */
export interface Route<Name extends OperationName> {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** Fields of the request in braces; the others are in the query of a GET, or in the body. */
  path: `/v1/${string}`
  summary: string
  /** The shape of each answer. */
  answers: { [S in Status]?: z.ZodType<AnswerOf<Name>> }
  /** @default 200 */
  statusOf?(answer: AnswerOf<Name>): Status
  /** A GET that may also be a POST with its fields as JSON, because a cursor or a list may be too long for a URL. */
  isLong?: true
  /** Larger requests are refused. @default {@link MAX_REQUEST_BYTES} */
  maxBytes?: number
  /** Whether sending the same again does no more than sending it once. */
  isRepeatable(request: RequestOf<Name>): boolean
  /** A request and its answer, as the documentation shows them. */
  example: { request?: NonNullable<RequestOf<Name>>; answer: AnswerOf<Name> }
}

/** The shape of what an operation takes; undefined if it takes nothing. */
export function findRequestShape(name: OperationName): z.ZodType | undefined {
  const operation = OPERATIONS[name]
  return 'input' in operation ? operation.input : undefined
}

/** Names of the fields that a path has in braces. */
export const listPathFields = (path: string): string[] =>
  [...path.matchAll(/\{(\w+)\}/g)].flatMap(([, name]) => name ?? [])
