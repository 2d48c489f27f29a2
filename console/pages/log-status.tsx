import type { LogSearch } from './log-search.ts'

const format = (count: number) => count.toLocaleString('en')

/** Buttons that go from hit to hit. */
export function HitButtons({ search: { isSearch, hits, at, step, goTo } }: { search: LogSearch }) {
  if (!isSearch || hits.lines.length === 0) return null
  return (
    <>
      <button type="button" title="Shift+Enter" onClick={() => step(-1)}>
        Previous hit
      </button>
      <button type="button" title="Enter" onClick={() => step(1)}>
        Next hit
      </button>
      {at !== undefined && (
        <button type="button" onClick={() => goTo(undefined)}>
          All hits
        </button>
      )}
    </>
  )
}

/** How many lines or hits there are, how many lines the server has looked through, and whether there is more. */
export function LogStatus({ search: { isSearch, hits, at, log } }: { search: LogSearch }) {
  return (
    <p class="soft" role="status">
      {at !== undefined && `Hit ${format(at + 1)} of `}
      {format(hits.lines.length)} {isSearch ? (hits.lines.length === 1 ? 'hit' : 'hits') : 'lines'}
      {isSearch && ` · ${format(hits.looked)} lines looked through`}
      {isSearch && !hits.isRead && !hits.isFull && hits.problem === undefined && ' · searching …'}
      {log.isOpen && !log.isFull && ' · the run is open'}
      {log.isFull && ' · there are more '}
      {log.isFull && (
        <button type="button" onClick={log.readOn}>
          Read on
        </button>
      )}
    </p>
  )
}
