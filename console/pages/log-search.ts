import { useEffect, useState } from 'preact/hooks'
import type { LogPage } from '../../src/control/control.ts'
import { askApi } from '../api.ts'
import { useLogLines } from './log-lines.ts'

/** The server is asked once nothing more was typed for so long. */
const TYPED_MS = 300
/** The server takes no longer text. */
const MAX_TEXT = 1_000

const LEVELS = ['info', 'warn', 'error']

/** What the address says of the search; each is empty if it says nothing. */
export interface AskedSearch {
  text: string
  level: string
  /** The hit that was gone to, from 1. */
  hit: string
}

/**
 * Lines of the log of a task: all, or those of a search that the server makes, and then also the lines around one hit. What is
 * searched is in the address, which `set` changes.
 */
export function useLogSearch(
  { path, task, attempt }: { path: string; task: string; attempt: string },
  address: AskedSearch,
  set: (changes: Partial<Record<keyof AskedSearch, string>>) => void,
) {
  const asked = address.text.slice(0, MAX_TEXT)
  const level = LEVELS.includes(address.level) ? address.level : 'debug'
  const at = Number.parseInt(address.hit, 10) > 0 ? Number.parseInt(address.hit, 10) - 1 : undefined
  const [text, setText] = useState(asked)
  useEffect(() => {
    if (text === asked) return
    const timer = setTimeout(() => set({ text, hit: '' }), TYPED_MS)
    return () => clearTimeout(timer)
  }, [text, asked])
  const goTo = (hit: number | undefined) => set({ hit: hit === undefined ? '' : String(hit + 1) })
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
    if (text !== asked) set({ text, hit: '1' })
    else if (isSearch && log.lines.length > 0) {
      const from = at ?? (by === 1 ? -1 : log.lines.length)
      goTo((from + by + log.lines.length) % log.lines.length)
    }
  }
  return {
    text,
    /** What the lines are searched for; empty if nothing is. */
    wanted: asked,
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
    goTo,
    type: setText,
    choose: (value: string) => set({ level: value === 'debug' ? '' : value, hit: '' }),
  }
}

export type LogSearch = ReturnType<typeof useLogSearch>
