import { useEffect, useRef, useState } from 'preact/hooks'
import { Link, useSearchParams } from 'wouter-preact'
import type { TaskPage, TaskShape } from '../../src/control/control.ts'
import { type ApiProblem, askApi, makePath } from '../api.ts'
import { now } from '../clock.ts'
import { FilterField } from '../filter-field.tsx'
import { formatCount, formatTook } from '../format.ts'
import { Empty, Instant, Name, Problem, Status, toProblem } from '../parts.tsx'
import { useWindow } from '../virtual.ts'
import { SelectionActs } from './selection-acts.tsx'

const PAGE = 100
const ROW_HEIGHT = 36
/** A key was pressed a moment ago: more may come. */
const TYPING_MS = 250

const STATUSES = [
  'pending',
  'queued',
  'running',
  'waiting',
  'expanding',
  'succeeded',
  'complete',
  'failed',
  'upstream_failed',
  'cancelled',
]

interface Page {
  cursor: string | undefined
  tasks: TaskShape[]
  next: string | null
}

interface TableProps {
  run: string
  /** Another one means that tasks have changed. */
  version: string
  /** Called when something was done with selected tasks. */
  onActed(): void
}

/** The tasks of a run as a window: pages are asked for as they come into sight, and only those in sight again. */
export function TaskTable({ run, version, onActed }: TableProps) {
  const [search, setSearch] = useSearchParams()
  const [status = '', family = '', text = '', where = ''] = ['status', 'family', 'text', 'where'].map(
    (name) => search.get(name) ?? '',
  )
  const selection = where || (text === '' ? writeSelection(status, family) : '')
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
  return (
    <>
      <form class="filters" role="search" onSubmit={(event) => event.preventDefault()}>
        <FilterField
          label="Selection"
          value={where}
          placeholder="status=failed family=Match* downstream-of=Load"
          isWide
          set={(value) => set('where', value)}
        />
        <FilterField
          label="Name contains"
          value={text}
          disabled={where !== ''}
          isSearch
          typingMs={TYPING_MS}
          set={(value) => set('text', value)}
        />
        <FilterField
          label="Family"
          value={family}
          placeholder="whole name"
          disabled={where !== ''}
          set={(value) => set('family', value)}
        />
        <label>
          Status
          <select
            value={status}
            disabled={where !== ''}
            onChange={({ currentTarget }) => set('status', currentTarget.value)}
          >
            <option value="">all</option>
            {STATUSES.map((each) => (
              <option key={each} value={each}>
                {each.replaceAll('_', ' ')}
              </option>
            ))}
          </select>
        </label>
      </form>
      {selection !== '' && <SelectionActs run={run} where={selection} version={version} onDone={onActed} />}
      <TaskWindow
        key={`${run}\n${status}\n${family}\n${text}\n${where}`}
        run={run}
        version={version}
        filter={
          where === ''
            ? { statuses: status || undefined, task: family || undefined, text: text || undefined }
            : { where }
        }
      />
    </>
  )
}

/** The filters as a selection; empty if nothing is filtered. */
function writeSelection(status: string, family: string): string {
  const quoted = `"${family.replaceAll(/["\\]/g, '\\$&')}"`
  return [status && `status=${status}`, family && `task=${quoted}`].filter(Boolean).join(' ')
}

interface WindowProps extends Pick<TableProps, 'run' | 'version'> {
  filter: { [name in 'statuses' | 'task' | 'text' | 'where']?: string | undefined }
}

function TaskWindow({ run, version, filter }: WindowProps) {
  const scroller = useRef<HTMLDivElement>(null)
  const { pages, problem, load, reload } = useTaskPages(run, filter)
  const tasks = pages.flatMap((page) => page.tasks)
  const last = pages.at(-1)
  const rows = useWindow(scroller, {
    count: tasks.length,
    height: ROW_HEIGHT,
    key: (index) => tasks[index]?.number ?? index,
  })
  const items = rows.getVirtualItems()
  const first = items[0]?.index ?? 0
  const end = items.at(-1)?.index ?? 0
  useEffect(() => {
    if (last === undefined || (last.next !== null && end >= tasks.length - PAGE / 2)) load()
  }, [end, last, tasks.length])
  useEffect(() => {
    reload(Math.floor(first / PAGE), Math.floor(end / PAGE))
  }, [version])
  if (last !== undefined && tasks.length === 0 && problem === undefined)
    return (
      <Empty title="No task is like this.">
        Take a filter away: the selection, the name, the family or the status.
      </Empty>
    )
  if (last === undefined && problem !== undefined) return <Problem problem={problem} />
  return (
    <>
      <Problem problem={problem} />
      <div class="window" ref={scroller} role="region" aria-label="Table of tasks" tabIndex={0}>
        <div
          class="tall"
          role="table"
          aria-label="Tasks"
          aria-rowcount={last?.next === null ? tasks.length + 1 : -1}
        >
          <div role="row" class="task head" aria-rowindex={1}>
            {['Status', 'Task', 'Attempt', 'Started', 'Took'].map((name) => (
              <span role="columnheader" key={name}>
                {name}
              </span>
            ))}
          </div>
          <div role="rowgroup" class="tall" style={{ height: `${rows.getTotalSize()}px` }}>
            {items.map(({ index, start }) => {
              const task = tasks[index]
              return task && <TaskRow key={task.number} run={run} task={task} top={start} index={index} />
            })}
          </div>
        </div>
      </div>
      <p class="soft" role="status">
        {last === undefined
          ? 'Loading…'
          : `${formatCount(tasks.length, 'task')}${last.next === null ? '' : ' so far: more come as you scroll'}`}
      </p>
    </>
  )
}

interface RowProps {
  run: string
  task: TaskShape
  top: number
  index: number
}

const TaskRow = ({ run, task, top, index }: RowProps) => (
  <div role="row" class="task" style={{ transform: `translateY(${top}px)` }} aria-rowindex={index + 2}>
    <span role="cell">
      <Status status={task.status} />
    </span>
    <span role="cell" class="cut">
      <Link href={makePath('runs', run, 'tasks', task.number)} data-row title={task.task}>
        <Name text={task.task} />
      </Link>
      {task.progress && (
        <span class="soft">
          {' '}
          {task.progress.done.toLocaleString('en')}
          {task.progress.total !== undefined && ` of ${task.progress.total.toLocaleString('en')}`}
        </span>
      )}
    </span>
    <span role="cell" class="number">
      {task.startedAt === null ? '' : task.attempt}
    </span>
    <span role="cell">
      <Instant at={task.startedAt} isShort />
    </span>
    <span role="cell" class="number">
      {task.startedAt !== null && formatTook((task.endedAt ?? now()) - task.startedAt)}
    </span>
  </div>
)

/** Pages of tasks that were asked for so far. A page that was asked for again takes the place of the old one. */
function useTaskPages(run: string, filter: WindowProps['filter']) {
  const [pages, setPages] = useState<Page[]>([])
  const [problem, setProblem] = useState<ApiProblem>()
  const busy = useRef(new Set<number>())
  const ask = async (at: number, cursor: string | undefined) => {
    if (busy.current.has(at)) return
    busy.current.add(at)
    try {
      const query = { ...filter, cursor, limit: PAGE }
      const { tasks, next } = await askApi<TaskPage>(`${makePath('runs', run)}/tasks`, { query })
      setPages((old) => [...old.slice(0, at), { cursor, tasks, next }, ...old.slice(at + 1)])
      setProblem(undefined)
    } catch (error) {
      setProblem(toProblem(error))
    }
    busy.current.delete(at)
  }
  const load = () => {
    const next = pages.at(-1)?.next
    if (next !== null) void ask(pages.length, next)
  }
  const reload = (from: number, to: number) => {
    for (let at = from; at <= to && at < pages.length; at += 1) void ask(at, pages[at]?.cursor)
  }
  return { pages, problem, load, reload }
}
