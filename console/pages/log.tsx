import { useEffect, useState } from 'preact/hooks'
import { Link, useSearchParams } from 'wouter-preact'
import type { TaskPage } from '../../src/control/control.ts'
import { removeLook } from '../ansi.ts'
import { askApi, makePath } from '../api.ts'
import { usePageKeys } from '../keys.tsx'
import { Copy, Empty, Name, Problem } from '../parts.tsx'
import { saveText } from './log-line.tsx'
import type { Line } from './log-lines.ts'
import { LogRows } from './log-rows.tsx'
import { type AskedSearch, type LogSearch, useLogSearch } from './log-search.ts'
import { HitButtons, LogStatus } from './log-status.tsx'

const LEVELS = [
  ['debug', 'all'],
  ['info', 'info and above'],
  ['warn', 'warn and above'],
  ['error', 'error'],
]

/** The log of a task: follows live, with search and levels; a line has an address. */
export function LogPage({ run, number }: { run: string; number: string }) {
  const [search, setSearch] = useSearchParams()
  const attempt = search.get('attempt') ?? ''
  const set = (changes: { [name: string]: string }) =>
    setSearch(
      (old) => {
        const next = new URLSearchParams(old)
        for (const [name, value] of Object.entries(changes))
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
        marked={Number(search.get('line') ?? 0)}
        inAddress={{
          text: search.get('text') ?? '',
          level: search.get('level') ?? '',
          hit: search.get('hit') ?? '',
        }}
        set={set}
      />
    </div>
  )
}

interface ViewProps {
  path: string
  task: string
  attempt: string
  attempts: number
  /** The line that the address names, from 1; 0 if none. */
  marked: number
  inAddress: AskedSearch
  /** Changes what the address says. */
  set(changes: { [name: string]: string }): void
}

function LogView({ path, task, attempt, attempts, marked, inAddress, set }: ViewProps) {
  const search = useLogSearch({ path, task, attempt }, inAddress, set)
  const { log, hit, isNear } = search
  const { lines } = log
  const [isWrapped, wrap] = useState(false)
  const [isFollowed, follow] = useState(marked === 0)
  const [jump, jumpTo] = useState({ index: -1 })
  const firstError = lines.findIndex((line) => line.level === 'error')
  const hasMarked = !search.isSearch && marked > 0 && lines.length >= marked
  const lookAt = jump.index >= 0 || !hasMarked ? jump.index : marked - 1
  const shownAt = isNear ? lines.findIndex(({ line }) => line === hit?.line) : (search.at ?? lookAt)
  const isMarked = ({ line, place }: Line) => {
    if (hit !== undefined) return isNear ? line === hit.line : place === hit.place
    return !search.isSearch && place === marked
  }
  usePageKeys((key) => {
    if (!search.isSearch || (key !== 'n' && key !== 'N')) return false
    search.step(key === 'n' ? 1 : -1)
    return true
  })
  const whole = () => lines.map((line) => removeLook(line.text)).join('\n')
  return (
    <>
      <form
        class="filters"
        role="search"
        onSubmit={(event) => {
          event.preventDefault()
          search.step(1)
        }}
      >
        <label>
          Search
          <input
            type="search"
            data-search
            value={search.text}
            maxLength={1_000}
            onInput={({ currentTarget }) => search.type(currentTarget.value)}
            onKeyDown={(event) => {
              if (event.key !== 'Enter' || !event.shiftKey) return
              event.preventDefault()
              search.step(-1)
            }}
          />
        </label>
        <label>
          Level
          <select value={search.level} onChange={({ currentTarget }) => search.choose(currentTarget.value)}>
            {LEVELS.map(([level, label]) => (
              <option key={level} value={level}>
                {label}
              </option>
            ))}
          </select>
        </label>
        <AttemptChoice attempt={attempt} attempts={attempts} set={set} />
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
          {!search.isSearch && firstError >= 0 && (
            <button
              type="button"
              onClick={() => {
                follow(false)
                jumpTo({ index: firstError })
              }}
            >
              First error
            </button>
          )}
          <HitButtons search={search} />
          {lines.length > 0 && <Copy label="Copy" text={whole} />}
          {lines.length > 0 && (
            <button type="button" onClick={() => saveText(whole(), `task-${task}.log`)}>
              Download
            </button>
          )}
        </div>
      </form>
      <Problem problem={log.problem} />
      {log.isRead && lines.length === 0 && <NoLine search={search} />}
      <LogRows
        key={isNear ? 'near' : search.isSearch ? 'hits' : 'all'}
        lines={lines}
        isWrapped={isWrapped}
        isFollowed={isFollowed && search.at === undefined}
        leaveEnd={() => follow(false)}
        jumpTo={shownAt}
        jump={jump}
        numberOf={(line) => (search.isSearch && line.line) || line.place}
        isMarked={isMarked}
        wanted={search.wanted}
        mark={(line) => {
          if (search.isSearch && !isNear) search.goTo(line.place - 1)
          else set({ line: String((isNear && line.line) || line.place) })
        }}
      />
      <LogStatus search={search} />
    </>
  )
}

function AttemptChoice({ attempt, attempts, set }: Pick<ViewProps, 'attempt' | 'attempts' | 'set'>) {
  if (attempts <= 1) return null
  return (
    <label>
      Attempt
      <select
        value={attempt}
        onChange={({ currentTarget }) => set({ attempt: currentTarget.value, hit: '' })}
      >
        <option value="">all</option>
        {Array.from({ length: attempts }, (_, index) => (
          <option key={index + 1}>{index + 1}</option>
        ))}
      </select>
    </label>
  )
}

/** Says why there is no line to see. */
const NoLine = ({ search: { isSearch, log } }: { search: LogSearch }) => (
  <Empty title={isSearch ? 'No line is like this.' : 'No line yet.'}>
    {isSearch
      ? `${log.looked.toLocaleString('en')} lines were looked through. Change the search or the level.`
      : log.isOpen
        ? 'Lines appear here as the task writes them.'
        : 'The task wrote nothing.'}
  </Empty>
)
