import { setTimeout as sleep } from 'node:timers/promises'

const MAX_WAITS = 10
const DEFAULT_WAIT_MS = 5_000
const MAX_WAIT_MS = 15 * 60_000
const TIMEOUT_MS = 120_000

/** What a polite client is given. */
export interface HttpOptions {
  signal: AbortSignal
  /** Told before a wait that the server asked for. */
  onWait(ms: number, status: number): void
  headers?: Record<string, string>
}

/**
 * Gets a URL; waits if the server answers 429 or 503 (for its `Retry-After`), as arXiv asks its harvesters to. Any
 * other answer is returned, whatever its status; one that is still busy after ten waits is an error.
 */
export async function fetchPatiently(url: URL, options: HttpOptions): Promise<Response> {
  for (let waits = 0; ; waits++) {
    const response = await fetchOnce(url, options)
    if (response.status !== 503 && response.status !== 429) return response
    await response.body?.cancel()
    if (waits === MAX_WAITS) throw makeRefusedError(url, response)
    const ms = parseRetryAfter(response.headers.get('retry-after'))
    options.onWait(ms, response.status)
    await sleep(ms, undefined, { signal: options.signal })
  }
}

/** The error of an answer that is none. */
export function makeRefusedError({ origin, pathname }: URL, { status, statusText }: Response): Error {
  return new Error(`${origin}${pathname} answered ${status} ${statusText}`)
}

/** Asks once, whatever the answer. */
export async function fetchOnce(
  url: URL,
  { signal, headers = {} }: Pick<HttpOptions, 'signal' | 'headers'>,
): Promise<Response> {
  try {
    return await fetch(url, {
      signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
      headers: { 'user-agent': 'sluice-arxlive', ...headers },
    })
  } catch (error) {
    const cause = (error as Error).cause
    const why = cause instanceof Error ? cause.message || cause.name : (error as Error).message
    throw new Error(`${url.origin}${url.pathname} cannot be reached: ${why}`, { cause: error })
  }
}

/** `Retry-After` is seconds or a date (RFC 9110, 10.2.3); one that is empty, zero or past says nothing. */
function parseRetryAfter(header: string | null): number {
  const seconds = Number(header ?? Number.NaN)
  const ms = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(header ?? '') - Date.now()
  return ms > 0 ? Math.min(ms, MAX_WAIT_MS) : DEFAULT_WAIT_MS
}
