import type { Fetcher } from '../../http/client.ts'

/** A fetcher that learns from each answer what time it is where the answer was made. */
export function followServerClock(fetcher: Fetcher): { fetcher: Fetcher; now(): number } {
  let aheadMs = 0
  return {
    async fetcher(url, request) {
      const response = await fetcher(url, request)
      const told = Date.parse(response.headers.get('date') ?? '')
      if (!Number.isNaN(told)) aheadMs = told - Date.now()
      return response
    },
    now: () => Date.now() + aheadMs,
  }
}
