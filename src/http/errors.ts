import { z } from 'zod'
import { type ErrorCode, SluiceError } from '../core/errors.ts'

/** The status of every error of Sluice; 422: the request is right, but the definitions that it names are not. */
export const STATUS_OF_ERROR = {
  unknown_name: 404,
  unknown_parameter: 400,
  invalid_parameter: 400,
  invalid_usage: 400,
  invalid_definition: 422,
  invalid_plan: 422,
  luigi_failed: 422,
  config_not_found: 500,
  config_failed: 500,
  never_settled: 500,
  unknown_run: 404,
  unknown_task: 404,
  unknown_attempt: 404,
  no_luigi_scheduler: 404,
  no_container_engine: 503,
  no_image: 422,
  unknown_secret: 404,
  unsafe_path: 422,
  wrong_storage: 500,
  state_newer: 500,
  state_unusable: 503,
  state_gone: 503,
  disk_full: 503,
  output_unwritable: 500,
  record_too_large: 413,
  read_only: 403,
  invalid_deployment: 400,
  deployment_unreachable: 503,
  internal: 500,
} as const satisfies Record<ErrorCode, number>

/** Errors of requests that no operation gets to see, with their status. */
export const HTTP_ERRORS = {
  unauthorized: { status: 401, meaning: 'The token is missing or wrong.' },
  forbidden: { status: 403, meaning: 'The request comes from another origin, or names another host.' },
  not_found: { status: 404, meaning: 'The API has no such path.' },
  method_not_allowed: { status: 405, meaning: 'The path has other methods; `Allow` lists them.' },
  too_large: { status: 413, meaning: 'The request is larger than the API takes.' },
  unsupported_media_type: { status: 415, meaning: 'The body is not `application/json`.' },
  not_streamed: { status: 501, meaning: 'This server answers whole; ask for changes instead.' },
} as const

/** By which an error of the API is recognised. */
export type ApiErrorCode = ErrorCode | keyof typeof HTTP_ERRORS

/** Every error answer: what was wrong, and the next step. */
export const ErrorAnswer = z
  .object({
    error: z.object({
      code: z.string().describe('By which it is recognised; docs/errors.md lists the codes'),
      message: z.string().describe('What was wrong'),
      hint: z.string().nullable().describe('The next step'),
      params: z
        .record(z.string(), z.string())
        .optional()
        .describe('What is wrong with each parameter, by its name'),
    }),
  })
  .describe('Why a request was not done')

/** An error answer of HTTP itself. */
export function makeRefusalResponse(
  code: keyof typeof HTTP_ERRORS,
  message: string,
  { hint, headers }: { hint?: string; headers?: { [name: string]: string } } = {},
): Response {
  return answerError({ code, message, hint }, HTTP_ERRORS[code].status, headers)
}

/** The answer to a request that threw. What is no error of Sluice is a defect, and told as one. */
export function makeErrorResponse(error: unknown): Response {
  if (error instanceof SluiceError) return answerError(error, STATUS_OF_ERROR[error.code])
  const message = error instanceof Error ? error.message : String(error)
  return answerError({ code: 'internal', message, hint: undefined }, STATUS_OF_ERROR.internal)
}

function answerError(
  {
    code,
    message,
    hint = null,
    params,
  }: Pick<SluiceError, 'message'> &
    Partial<Pick<SluiceError, 'params'>> & { code: ApiErrorCode; hint?: string | undefined | null },
  status: number,
  headers: { [name: string]: string } = {},
): Response {
  const answer: z.output<typeof ErrorAnswer> = { error: { code, message, hint, ...(params && { params }) } }
  return Response.json(answer, { status, headers })
}
