import { useEffect, useRef, useState } from 'preact/hooks'
import type { LogPage } from '../../src/control/control.ts'
import { type ApiProblem, server } from '../api.ts'
import { mayPass } from '../loading.ts'
import { toProblem } from '../parts.tsx'
import { makeRepeatFilter } from './repeated-lines.ts'

/** A line with its place in the log, from 1. */
export interface Line {
  at: number
  level: 'debug' | 'info' | 'warn' | 'error'
  text: string
  place: number
  attempt: number
  /** Its number in the log of its attempt, and the cursor of the lines around it; a deployment has none. */
  line?: number | undefined
  around?: string | undefined
}

/** Lines of one answer. */
const PAGE = 2_000
/** So many lines are read by themselves; a person asks for more. */
const MAX_LINES = 50_000
const RETRY_MS = 3_000
/** The page asks for new lines so often; a person reads no faster. */
const LOOK_MS = 500

/** A server that answers itself sends each line once. */
const mayRepeat = () => server.peek()?.deployment !== null

type ReadPage = (cursor: string | undefined, limit: number, signal: AbortSignal) => Promise<LogPage>

interface State {
  lines: Line[]
  /** How many lines the server has looked through. */
  looked: number
  isOpen: boolean
  /** Something was read, and for now there is no more. */
  isRead: boolean
  /** The bound is reached, and there is more. */
  isFull: boolean
  problem: ApiProblem | undefined
}

const NOTHING: State = {
  lines: [],
  looked: 0,
  isOpen: true,
  isRead: false,
  isFull: false,
  problem: undefined,
}

/**
 * Reads a log page by page, and goes on while its run is open and the tab is shown. It begins anew when `what` changes, at the cursor
 * `begin`; with `what` undefined nothing is read.
 */
export function useLogLines(
  what: string | undefined,
  read: ReadPage,
  begin?: string,
): State & { readOn(): void } {
  const [state, setState] = useState<State>(NOTHING)
  const readOn = useRef(() => {})
  useEffect(() => {
    setState(NOTHING)
    if (what === undefined) return
    const left = new AbortController()
    let timer: ReturnType<typeof setTimeout> | undefined
    let cursor = begin
    let lines: Line[] = []
    let looked = 0
    let hasLooked = false
    const takeNew = makeRepeatFilter()
    let most = MAX_LINES
    let isBusy = false
    let isEnded = false
    const wait = (ms: number) => {
      clearTimeout(timer)
      timer = setTimeout(run, ms)
    }
    const run = async () => {
      if (isBusy || isEnded || document.hidden || left.signal.aborted) return
      isBusy = true
      try {
        const page = await read(cursor, PAGE, left.signal)
        if (!left.signal.aborted) take(page)
      } catch (error) {
        if (!left.signal.aborted) fail(toProblem(error))
      }
      isBusy = false
    }
    // A deployment looks again at the last half minute, which is no further line.
    const countLooked = ({ looked, isMore }: LogPage) => {
      const isAgain = hasLooked && mayRepeat()
      hasLooked ||= !isMore
      return isAgain ? 0 : looked
    }
    const take = (page: LogPage) => {
      const from = lines.length
      const fresh = mayRepeat() ? takeNew(page.lines) : page.lines
      lines = lines.concat(
        fresh.map(({ at, level, text, attempt, line, around }, index) => {
          const place = from + index + 1
          return { at, level, text, place, attempt, line, around }
        }),
      )
      looked += countLooked(page)
      cursor = page.next
      const isFull = page.isMore && lines.length >= most
      isEnded = !page.isOpen && !page.isMore && fresh.length === 0
      setState({ lines, looked, isOpen: page.isOpen, isRead: !page.isMore, isFull, problem: undefined })
      if (!isFull && !isEnded) wait(page.isMore || !page.isOpen ? 0 : Math.max(page.lookAgainMs, LOOK_MS))
    }
    const fail = (problem: ApiProblem) => {
      setState((old) => ({ ...old, isRead: true, problem }))
      if (mayPass(problem)) wait(RETRY_MS)
    }
    const show = () => void run()
    readOn.current = () => {
      most += MAX_LINES
      void run()
    }
    document.addEventListener('visibilitychange', show)
    void run()
    return () => {
      left.abort()
      clearTimeout(timer)
      document.removeEventListener('visibilitychange', show)
    }
  }, [what])
  return { ...state, readOn: () => readOn.current() }
}
