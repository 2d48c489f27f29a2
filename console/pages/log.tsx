import { useEffect, useRef, useState } from 'preact/hooks'
import { Link, useSearchParams } from 'wouter-preact'
import type { LogPage as Page, TaskPage } from '../../src/control/control.ts'
import { removeLook } from '../ansi.ts'
import { askApi, makePath } from '../api.ts'
import { Copy, Empty, Name, Problem } from '../parts.tsx'
import { useWindow } from '../virtual.ts'
import { LogLine, saveText } from './log-line.tsx'
import { useLogLines } from './log-lines.ts'

const LINE_HEIGHT = 20
const LEVELS = ['debug', 'info', 'warn', 'error'] as const

/** The log of a task: follows live, with search and levels; a line has an address. */
export function LogPage({ run, number }: { run: string; number: string }) {
  const [search, setSearch] = useSearchParams()
  const attempt = search.get('attempt') ?? ''
  const set = (name: string, value: string) =>
    setSearch(
      (old) => {
        const next = new URLSearchParams(old)
        if (value === '') next.delete(name)
        else next.set(name, value)
        return next
      },
      { replace: true },
    )
  const [count, setCount] = useState(0)
  useEffect(() => {
    const query = { task: number, limit: 1 }
    askApi<TaskPage>(`${makePath('runs', run)}/tasks`, { query }).then(
      ({ tasks: [task] }) => setCount(task?.attempt ?? 0),
      () => {},
    )
  }, [run, number])
  return (
    <div class="logpage">
      <p class="crumbs">
        <Link href="/runs">Runs</Link> /{' '}
        <Link href={makePath('runs', run)}>
          <Name text={run} />
        </Link>{' '}
        / <Link href={makePath('runs', run, 'tasks', number)}>task {number}</Link>
      </p>
      <h1>Log</h1>
      <LogView
        key={`${run} ${number} ${attempt}`}
        path={`${makePath('runs', run)}/logs`}
        task={number}
        attempt={attempt}
        attempts={count}
        setAttempt={(value) => set('attempt', value)}
        marked={Number(search.get('line') ?? 0)}
        mark={(line) => set('line', String(line))}
      />
    </div>
  )
}

interface ViewProps {
  path: string
  task: string
  attempt: string
  attempts: number
  setAttempt(value: string): void
  /** The line that the address names, from 1; 0 if none. */
  marked: number
  mark(line: number): void
}

function LogView({ path, task, attempt, attempts, setAttempt, marked, mark }: ViewProps) {
  const log = useLogLines((cursor, limit, signal) =>
    askApi<Page>(path, {
      method: 'POST',
      body: {
        task,
        follow: true,
        limit,
        ...(attempt && { attempt: Number(attempt) }),
        ...(cursor && { cursor }),
      },
      signal,
    }),
  )
  const [text, setText] = useState('')
  const [level, setLevel] = useState(0)
  const [isWrapped, wrap] = useState(false)
  const [isFollowed, follow] = useState(marked === 0)
  const scroller = useRef<HTMLDivElement>(null)
  const wanted = text.toLowerCase()
  const lines = log.lines.filter(
    (line) =>
      LEVELS.indexOf(line.level) >= level &&
      (wanted === '' || removeLook(line.text).toLowerCase().includes(wanted)),
  )
  const rows = useWindow(scroller, {
    count: lines.length,
    height: LINE_HEIGHT,
    key: (index) => lines[index]?.place ?? index,
  })
  const jump = (index: number) => {
    if (index < 0) return
    follow(false)
    rows.scrollToIndex(index, { align: 'center' })
  }
  useEffect(() => rows.measure(), [isWrapped])
  useEffect(() => {
    if (isFollowed && lines.length > 0) rows.scrollToIndex(lines.length - 1, { align: 'end' })
  }, [isFollowed, lines.length])
  const hasMarked = marked > 0 && log.lines.length >= marked
  useEffect(() => {
    if (hasMarked) jump(lines.findIndex(({ place }) => place === marked))
  }, [hasMarked])
  const whole = () => lines.map((line) => removeLook(line.text)).join('\n')
  const errorAt = lines.findIndex((line) => line.level === 'error')
  return (
    <>
      <form class="filters" role="search" onSubmit={(event) => event.preventDefault()}>
        <label>
          Search
          <input
            type="search"
            data-search
            value={text}
            onInput={({ currentTarget }) => setText(currentTarget.value)}
          />
        </label>
        <label>
          Level
          <select
            value={String(level)}
            onChange={({ currentTarget }) => setLevel(Number(currentTarget.value))}
          >
            {LEVELS.map((each, index) => (
              <option key={each} value={String(index)}>
                {index === 0 ? 'all' : index === 3 ? 'error' : `${each} and above`}
              </option>
            ))}
          </select>
        </label>
        {attempts > 1 && (
          <label>
            Attempt
            <select value={attempt} onChange={({ currentTarget }) => setAttempt(currentTarget.value)}>
              <option value="">all</option>
              {Array.from({ length: attempts }, (_, index) => (
                <option key={index + 1}>{index + 1}</option>
              ))}
            </select>
          </label>
        )}
        <label class="check">
          <input
            type="checkbox"
            checked={isWrapped}
            onChange={({ currentTarget }) => wrap(currentTarget.checked)}
          />
          Wrap
        </label>
        <label class="check">
          <input
            type="checkbox"
            checked={isFollowed}
            onChange={({ currentTarget }) => follow(currentTarget.checked)}
          />
          Follow
        </label>
        <div class="buttons">
          {errorAt >= 0 && (
            <button type="button" onClick={() => jump(errorAt)}>
              First error
            </button>
          )}
          {lines.length > 0 && <Copy label="Copy" text={whole} />}
          {lines.length > 0 && (
            <button type="button" onClick={() => saveText(whole(), `task-${task}.log`)}>
              Download
            </button>
          )}
        </div>
      </form>
      <Problem problem={log.problem} />
      {log.isRead && lines.length === 0 && (
        <Empty title={log.lines.length === 0 ? 'No line yet.' : 'No line is like this.'}>
          {log.lines.length > 0
            ? 'Change the search or the level.'
            : log.isOpen
              ? 'Lines appear here as the task writes them.'
              : 'The task wrote nothing.'}
        </Empty>
      )}
      <div
        class={`log ${isWrapped ? 'wrapped' : ''}`}
        ref={scroller}
        style={{ '--place': `calc(${String(log.lines.length).length}ch + 16px)` }}
        role="region"
        aria-label="Lines of the log"
        tabIndex={0}
        onWheel={({ deltaY }) => deltaY < 0 && follow(false)}
        onKeyDown={({ key }) => ['ArrowUp', 'PageUp', 'Home'].includes(key) && follow(false)}
      >
        <div class="tall" style={{ height: `${rows.getTotalSize()}px` }}>
          {rows.getVirtualItems().map(({ index, start }) => {
            const line = lines[index]
            return (
              line && (
                <div
                  key={line.place}
                  data-index={index}
                  ref={rows.measureElement}
                  class={`line l-${line.level} ${line.place === marked ? 'marked' : ''}`}
                  style={{ transform: `translateY(${start}px)` }}
                >
                  <LogLine line={line} mark={mark} />
                </div>
              )
            )
          })}
        </div>
      </div>
      <p class="soft" role="status">
        {lines.length.toLocaleString('en')} lines
        {lines.length < log.lines.length && ` of ${log.lines.length.toLocaleString('en')}`}
        {log.isOpen && !log.isFull && ' · the run is open'}
        {log.isFull && ' · there are more '}
        {log.isFull && (
          <button type="button" onClick={log.readOn}>
            Read on
          </button>
        )}
      </p>
    </>
  )
}
