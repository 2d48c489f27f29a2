import type { Context } from 'hono'
import { z } from 'zod'
import { SluiceError } from '../core/errors.ts'

/** The body of a request, as the schema wants it. */
export async function body<T>(context: Context, schema: z.ZodType<T>): Promise<T> {
  const parsed = schema.safeParse(await context.req.json().catch(() => undefined))
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
