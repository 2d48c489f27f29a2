import type { Context } from 'hono'
import { z } from 'zod'
import { SluiceError } from '../../../core/errors.ts'

/** The body of a request, as the schema wants it. */
export const body = async <T>(context: Context, schema: z.ZodType<T>): Promise<T> =>
  checked(schema, await context.req.json().catch(() => undefined))

/** What a request gives, as the schema wants it. */
export function checked<T>(schema: z.ZodType<T>, given: unknown): T {
  const parsed = schema.safeParse(given)
  if (parsed.success) return parsed.data
  throw new SluiceError('invalid_usage', `The request is wrong: ${z.prettifyError(parsed.error)}`)
}

/** An error as the answer to a request: what was wrong, and the next step. */
export function explain(error: Error, context: Context): Response {
  if (!(error instanceof SluiceError)) return context.json({ error: 'internal', message: error.message }, 500)
  const { code, message, hint, source } = error
  const isUnknown = code.startsWith('unknown_') && code !== 'unknown_parameter'
  return context.json(
    { error: code, message, hint: hint ?? null },
    source === 'system' ? 500 : isUnknown ? 404 : 400,
  )
}
