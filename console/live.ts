import { useEffect, useRef, useState } from 'preact/hooks'
import { type ApiProblem, isConnected } from './api.ts'
import { now } from './clock.ts'
import { findRetryMs, keepLoaded } from './loading.ts'

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
 * ever more rarely while Sluice does not answer, or while a deployment says the same. What was refused is not asked again.
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
    const loading = keepLoaded<Data>({
      load: (signal) => latest.current(signal),
      everyMs: (data) => (typeof interval.current === 'number' ? interval.current : interval.current(data)),
      onData: (data) => setState({ key, data }),
      onProblem: (problem) => setState((old) => ({ ...(old.key === key ? old : { key }), problem })),
    })
    reload.current = loading.reload
    return loading.stop
  }, [key])
  const current = state.key === key ? state : { key }
  return { data: current.data, problem: current.problem, reload: () => reload.current() }
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
      source = new EventSource(`/v1/events?runs=${encodeURIComponent(run)}&counts=true&since=${now()}`)
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
