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
  isOpen: boolean
  /** Something was read, and for now there is no more. */
  isRead: boolean
  /** The bound is reached, and there is more. */
  isFull: boolean
  problem: ApiProblem | undefined
}

/** Reads a log page by page, and goes on while its run is open and the tab is shown. */
export function useLogLines(read: ReadPage): State & { readOn(): void } {
  const [state, setState] = useState<State>({
    lines: [],
    isOpen: true,
    isRead: false,
    isFull: false,
    problem: undefined,
  })
  const readOn = useRef(() => {})
  useEffect(() => {
    const left = new AbortController()
    let timer: ReturnType<typeof setTimeout> | undefined
    let cursor: string | undefined
    let lines: Line[] = []
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
        take(await read(cursor, PAGE, left.signal))
      } catch (error) {
        if (!left.signal.aborted) fail(toProblem(error))
      }
      isBusy = false
    }
    const take = (page: LogPage) => {
      const from = lines.length
      const fresh = mayRepeat() ? takeNew(page.lines) : page.lines
      lines = lines.concat(
        fresh.map(({ at, level, text }, index) => ({ at, level, text, place: from + index + 1 })),
      )
      cursor = page.next
      const isFull = page.isMore && lines.length >= most
      isEnded = !page.isOpen && !page.isMore && fresh.length === 0
      setState({ lines, isOpen: page.isOpen, isRead: !page.isMore, isFull, problem: undefined })
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
  }, [])
  return { ...state, readOn: () => readOn.current() }
}
