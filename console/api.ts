import { signal } from '@preact/signals'
import type { ServerView } from '../src/http/server.ts'
import { noteClock } from './clock.ts'

/** Why the API did not do what was asked. */
export class ApiProblem extends Error {
  readonly status: number
  readonly hint: string | null
  /** What is wrong with each parameter, by its name. */
  readonly params: { readonly [name: string]: string }
  readonly code: string

  constructor(
    status: number,
    message: string,
    hint: string | null = null,
    params: { readonly [name: string]: string } = {},
    code = '',
  ) {
    super(message)
    this.status = status
    this.hint = hint
    this.params = params
    this.code = code
  }
}

/** Whether the last request reached Sluice. */
export const isConnected = signal(true)

/** What the server is that this page came from; undefined until it has said so. */
export const server = signal<ServerView | undefined>(undefined)

interface Question {
  method?: 'GET' | 'POST'
  /** Fields of the query; lists go with commas, and what is empty is left out. */
  query?: { [name: string]: string | number | boolean | readonly string[] | undefined }
  body?: object
  signal?: AbortSignal
}

/** Asks the API. Throws {@link ApiProblem}; an answer that wants to be confirmed (409) is returned. */
export async function askApi<Answer>(path: string, question: Question = {}): Promise<Answer> {
  const { method = 'GET', query = {}, body, signal } = question
  const response = await reach(`/v1${path}${writeQuery(query)}`, {
    method,
    ...(signal && { signal }),
    ...(body && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  })
  const answer = await response.json().catch(() => ({}))
  if (response.ok || (response.status === 409 && answer.error === undefined)) return answer
  const { message = `The answer has the status ${response.status}.`, hint, params, code } = answer.error ?? {}
  throw new ApiProblem(response.status, message, hint, params, code)
}

async function reach(path: string, init: RequestInit): Promise<Response> {
  try {
    const response = await fetch(path, init)
    isConnected.value = true
    noteClock(response.headers)
    return response
  } catch (error) {
    if (init.signal?.aborted) throw error
    isConnected.value = false
    throw new ApiProblem(
      0,
      'Sluice does not answer.',
      'Is the command still running that serves this page? The page tries again.',
    )
  }
}

/** A query of a URL, with its question mark; empty if there is nothing to say. */
export function writeQuery(fields: NonNullable<Question['query']>): string {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(fields)) {
    const text = Array.isArray(value) ? value.join(',') : String(value ?? '')
    if (text !== '') query.set(name, text)
  }
  const text = query.toString()
  return text === '' ? '' : `?${text}`
}

/** A path of the API or of a page, with its parts encoded. */
export const makePath = (...parts: (string | number)[]): string =>
  parts.map((part) => `/${encodeURIComponent(part)}`).join('')
