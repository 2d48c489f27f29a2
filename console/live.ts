import { useEffect, useRef, useState } from 'preact/hooks'
import { ApiProblem, isConnected } from './api.ts'

const FIRST_RETRY_MS = 1_000
const LAST_RETRY_MS = 30_000

/** What a page has loaded. */
export interface Loaded<Data> {
  data: Data | undefined
  /** Why the last try failed; older data stays. */
  problem: ApiProblem | undefined
  /** Loads now. */
  reload(): void
}

/**
 * Loads data, and loads it again every now and then: never while the tab is hidden, at once when it is shown again, and
 * ever more rarely while Sluice does not answer.
 *
 * @param key data of another key is forgotten
 * @param every how long after an answer it is loaded again, in milliseconds; 0: only when asked
 */
export function useLoaded<Data>(
  key: string,
  load: (signal: AbortSignal) => Promise<Data>,
  every: number | ((data: Data | undefined) => number),
): Loaded<Data> {
  const [state, setState] = useState<{ key: string; data?: Data; problem?: ApiProblem }>({ key })
  const latest = useRef(load)
  latest.current = load
  const interval = useRef(every)
  interval.current = every
  const reload = useRef(() => {})
  useEffect(() => {
    const left = new AbortController()
    let timer: ReturnType<typeof setTimeout> | undefined
    let failures = 0
    let isPassing = false
    let isLoading = false
    let isWanted = false
    let last: Data | undefined
    const everyMs = () => (typeof interval.current === 'number' ? interval.current : interval.current(last))
    const run = async () => {
      clearTimeout(timer)
      if (isLoading) {
        isWanted = true
        return
      }
      isLoading = true
      await loadOnce()
      isLoading = false
      if (!left.signal.aborted) plan()
    }
    const loadOnce = async () => {
      try {
        const data = await latest.current(left.signal)
        failures = 0
        last = data
        if (!left.signal.aborted) setState({ key, data })
      } catch (error) {
        if (!left.signal.aborted) fail(error)
      }
    }
    const fail = (error: unknown) => {
      failures += 1
      const problem = error instanceof ApiProblem ? error : new ApiProblem(0, String(error))
      isPassing = mayPass(problem)
      setState((old) => ({ ...(old.key === key ? old : { key }), problem }))
    }
    const plan = () => {
      const waitMs = isWanted ? 0 : findWait(failures, everyMs(), isPassing)
      isWanted = false
      if (waitMs !== undefined && !document.hidden) timer = setTimeout(run, waitMs)
    }
    const show = () => {
      if (document.hidden) clearTimeout(timer)
      else if (everyMs() > 0 || failures > 0) void run()
    }
    reload.current = () => void run()
    document.addEventListener('visibilitychange', show)
    void run()
    return () => {
      left.abort()
      clearTimeout(timer)
      document.removeEventListener('visibilitychange', show)
    }
  }, [key])
  const current = state.key === key ? state : { key }
  return { data: current.data, problem: current.problem, reload: () => reload.current() }
}

/** Whether asking again may help by itself: nothing answered, or the server cannot for now, as with expired credentials. */
export const mayPass = ({ status }: ApiProblem): boolean => status === 0 || status === 503

/** How long to wait after so many failures, before it is tried again. */
export const findRetryMs = (failures: number): number =>
  Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** (failures - 1))

function findWait(failures: number, everyMs: number, isPassing: boolean): number | undefined {
  if (failures > 0 && (everyMs > 0 || isPassing)) return findRetryMs(failures)
  return everyMs > 0 ? everyMs : undefined
}

const KINDS = ['task_started', 'task_progress', 'task_ended', 'counts', 'run_ended', 'end'] as const

/**
 * Follows the events of an open run while the tab is shown. Calls back at most once a second that something has happened,
 * and once when a connection is there again; what has happened is then loaded.
 */
export function useRunEvents(run: string, isOpen: boolean, onChange: () => void): void {
  const latest = useRef(onChange)
  latest.current = onChange
  useEffect(() => {
    if (!isOpen) return undefined
    let source: EventSource | undefined
    let timer: ReturnType<typeof setTimeout> | undefined
    let retry: ReturnType<typeof setTimeout> | undefined
    let failures = 0
    let lastCounts = ''
    const tell = () => {
      timer ??= setTimeout(() => {
        timer = undefined
        latest.current()
      }, 1_000)
    }
    const disconnect = () => {
      source?.close()
      source = undefined
      clearTimeout(retry)
    }
    const connect = () => {
      disconnect()
      if (document.hidden) return
      source = new EventSource(`/v1/events?runs=${encodeURIComponent(run)}&counts=true&since=${Date.now()}`)
      source.onopen = () => {
        failures = 0
        isConnected.value = true
        tell()
      }
      source.onerror = () => {
        disconnect()
        failures += 1
        // A stream does not say why it ended; a request does.
        tell()
        retry = setTimeout(connect, findRetryMs(failures))
      }
      for (const kind of KINDS) source.addEventListener(kind, ({ data }) => hear(kind, data))
    }
    const hear = (kind: (typeof KINDS)[number], data: string) => {
      // Counts come all the time: only other ones are news.
      if (kind === 'counts' && data === lastCounts) return
      if (kind === 'counts') lastCounts = data
      if (kind === 'end') disconnect()
      tell()
    }
    connect()
    document.addEventListener('visibilitychange', connect)
    return () => {
      disconnect()
      clearTimeout(timer)
      document.removeEventListener('visibilitychange', connect)
    }
  }, [run, isOpen])
}
