import { ApiProblem, server } from './api.ts'

const FIRST_RETRY_MS = 1_000
const LAST_RETRY_MS = 30_000
/** A deployment that says the same again and again is asked this often at the rarest. */
const LAST_LOOK_MS = 15_000

/** Whether asking again may help by itself: nothing answered, or the server cannot for now, as with expired credentials. */
export const mayPass = ({ status }: ApiProblem): boolean => status === 0 || status === 503

/** What asking again cannot mend: the request is wrong, or what it names is not there. A token may come, and load may go. */
export const isRefusal = ({ status }: ApiProblem): boolean =>
  status >= 400 && status < 500 && ![401, 408, 429].includes(status)

/** How long to wait after so many failures, before it is tried again. */
export const findRetryMs = (failures: number): number =>
  Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** (failures - 1))

interface Keeping<Data> {
  load(signal: AbortSignal): Promise<Data>
  /** How long after an answer it is loaded again; 0: only when asked. */
  everyMs(data: Data | undefined): number
  onData(data: Data): void
  onProblem(problem: ApiProblem): void
}

/** Loads now, and again as {@link useLoaded} says, until it is stopped. */
export function keepLoaded<Data>({ load, everyMs, onData, onProblem }: Keeping<Data>) {
  const left = new AbortController()
  const pace = makePace()
  let timer: ReturnType<typeof setTimeout> | undefined
  let last: Data | undefined
  let isLoading = false
  let isWanted = false
  const run = async () => {
    clearTimeout(timer)
    isWanted = isLoading
    if (isLoading) return
    isLoading = true
    await loadOnce()
    isLoading = false
    if (!left.signal.aborted) plan()
  }
  const loadOnce = async () => {
    try {
      last = await load(left.signal)
      pace.hasAnswered(last)
      if (!left.signal.aborted) onData(last)
    } catch (error) {
      if (left.signal.aborted) return
      const problem = error instanceof ApiProblem ? error : new ApiProblem(0, String(error))
      pace.hasFailed(problem)
      onProblem(problem)
    }
  }
  const plan = () => {
    const waitMs = isWanted ? 0 : pace.findWaitMs(everyMs(last))
    isWanted = false
    if (waitMs !== undefined && !document.hidden) timer = setTimeout(run, waitMs)
  }
  const reload = () => {
    pace.quicken()
    void run()
  }
  const show = () => {
    if (document.hidden) clearTimeout(timer)
    else if (everyMs(last) > 0 || pace.isFailing()) reload()
  }
  document.addEventListener('visibilitychange', show)
  void run()
  return {
    reload,
    stop() {
      left.abort()
      clearTimeout(timer)
      document.removeEventListener('visibilitychange', show)
    },
  }
}

/** How soon to ask again, by what the last answers were. */
function makePace() {
  let failures = 0
  let problem: ApiProblem | undefined
  let said = ''
  let same = 0
  return {
    hasAnswered(data: unknown) {
      failures = 0
      problem = undefined
      // On this machine asking costs next to nothing.
      if (!server.peek()?.deployment) return
      const saying = JSON.stringify(data)
      same = saying === said ? same + 1 : 0
      said = saying
    },
    hasFailed(now: ApiProblem) {
      failures += 1
      problem = now
    },
    isFailing: () => failures > 0,
    quicken() {
      same = 0
    },
    findWaitMs(everyMs: number): number | undefined {
      if (problem !== undefined) {
        if (isRefusal(problem) || (everyMs === 0 && !mayPass(problem))) return undefined
        return findRetryMs(failures)
      }
      return everyMs === 0 ? undefined : Math.max(everyMs, Math.min(LAST_LOOK_MS, everyMs * 2 ** same))
    },
  }
}
