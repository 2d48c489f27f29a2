import { useEffect, useState } from 'preact/hooks'
import type { LogPage } from '../../src/control/control.ts'
import { askApi } from '../api.ts'
import { useLogLines } from './log-lines.ts'

/** The server is asked once nothing more was typed for so long. */
const TYPED_MS = 300

/** Lines of the log of a task: all, or those of a search that the server makes, and then also the lines around one hit. */
export function useLogSearch(path: string, task: string, attempt: string) {
  const [text, setText] = useState('')
  const [asked, ask] = useState('')
  const [level, setLevel] = useState('debug')
  const [at, setAt] = useState<number | undefined>(undefined)
  useEffect(() => {
    const timer = setTimeout(() => ask(text), TYPED_MS)
    return () => clearTimeout(timer)
  }, [text])
  const isSearch = asked !== '' || level !== 'debug'
  const read =
    (of: string, search: object) => (cursor: string | undefined, limit: number, signal: AbortSignal) =>
      askApi<LogPage>(path, {
        method: 'POST',
        body: {
          task,
          follow: true,
          limit,
          ...search,
          ...(of && { attempt: Number(of) }),
          ...(cursor && { cursor }),
        },
        signal,
      })
  const search = { ...(asked && { text: asked }), ...(level !== 'debug' && { level }) }
  const log = useLogLines(JSON.stringify(search), read(attempt, search))
  const hit = isSearch && at !== undefined ? log.lines[at] : undefined
  const near = useLogLines(
    hit?.around && `${hit.attempt} ${hit.line} ${hit.around}`,
    read(String(hit?.attempt ?? ''), {}),
    hit?.around,
  )
  /** Goes to the next or previous hit, and around at the end; text that was just typed is asked for first. */
  const step = (by: 1 | -1) => {
    if (text !== asked) {
      ask(text)
      setAt(0)
    } else if (isSearch && log.lines.length > 0) {
      const from = at ?? (by === 1 ? -1 : log.lines.length)
      setAt((from + by + log.lines.length) % log.lines.length)
    }
  }
  return {
    text,
    level,
    isSearch,
    hits: log,
    hit,
    /** The hit that was gone to, from 0. */
    at: hit === undefined ? undefined : at,
    /** The lines that are shown: those around the hit, where lines have numbers. */
    log: hit?.around === undefined ? log : near,
    isNear: hit?.around !== undefined,
    step,
    goTo: setAt,
    type(value: string) {
      setText(value)
      setAt(undefined)
    },
    choose(value: string) {
      setLevel(value)
      setAt(undefined)
    },
  }
}

export type LogSearch = ReturnType<typeof useLogSearch>
