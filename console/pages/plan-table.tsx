import { useMemo, useRef } from 'preact/hooks'
import { useSearchParams } from 'wouter-preact'
import type { PlanView } from '../../src/control/control.ts'
import { formatCount } from '../format.ts'
import { Empty, Name, Shape } from '../parts.tsx'
import { useWindow } from '../virtual.ts'

type Task = PlanView['tasks'][number]

const ROW_HEIGHT = 36

/** The shape and the word of each verdict, the one that needs the eye most first. */
const VERDICTS: [verdict: Task['verdict'], shape: string, word: string][] = [
  ['fails', 'failed', 'cannot run'],
  ['run', 'running', 'to run'],
  ['awaited', 'waiting', 'awaited'],
  ['complete', 'complete', 'complete'],
]

/** The tasks of a plan by verdict, of which those in sight are drawn. */
export function PlanTable({ plan }: { plan: PlanView }) {
  const [search, setSearch] = useSearchParams()
  const [verdict, text] = [search.get('verdict') ?? '', search.get('text') ?? '']
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
  const counts = useMemo(() => Map.groupBy(plan.tasks, (task) => task.verdict), [plan])
  const tasks = useMemo(
    () =>
      plan.tasks.filter(
        (task) => (verdict === '' || task.verdict === verdict) && (text === '' || task.label.includes(text)),
      ),
    [plan, verdict, text],
  )
  return (
    <section aria-labelledby="tasks">
      <h2 id="tasks">{formatCount(plan.tasks.length, 'task')}</h2>
      <ul class="counts" aria-label="Tasks by what would be done">
        {VERDICTS.filter(([each]) => counts.has(each)).map(([each, shape, word]) => (
          <li key={each}>
            <button
              type="button"
              aria-pressed={verdict === each}
              onClick={() => set('verdict', verdict === each ? '' : each)}
            >
              <Shape status={shape} /> {counts.get(each)?.length.toLocaleString('en')} {word}
            </button>
          </li>
        ))}
      </ul>
      <form class="filters more" role="search" onSubmit={(event) => event.preventDefault()}>
        <label>
          Name contains
          <input
            type="search"
            data-search
            value={text}
            onInput={({ currentTarget }) => set('text', currentTarget.value)}
          />
        </label>
      </form>
      {tasks.length === 0 ? (
        <Empty title="No task is like this.">Take a filter away: the name, or what would be done.</Empty>
      ) : (
        <PlanRows key={`${verdict}\n${text}`} tasks={tasks} />
      )}
    </section>
  )
}

function PlanRows({ tasks }: { tasks: Task[] }) {
  const scroller = useRef<HTMLDivElement>(null)
  const rows = useWindow(scroller, {
    count: tasks.length,
    height: ROW_HEIGHT,
    key: (index) => tasks[index]?.task ?? index,
  })
  return (
    <>
      <div class="window" ref={scroller} role="region" aria-label="Table of planned tasks" tabIndex={0}>
        <div class="tall" role="table" aria-label="Planned tasks" aria-rowcount={tasks.length + 1}>
          <div role="row" class="task planned head" aria-rowindex={1}>
            {['Verdict', 'Task', 'Why'].map((name) => (
              <span role="columnheader" key={name}>
                {name}
              </span>
            ))}
          </div>
          <div role="rowgroup" class="tall" style={{ height: `${rows.getTotalSize()}px` }}>
            {rows.getVirtualItems().map(({ index, start, key }) => {
              const task = tasks[index]
              return (
                task && (
                  <PlanRow key={key} task={task} top={start} index={index} measure={rows.measureElement} />
                )
              )
            })}
          </div>
        </div>
      </div>
      <p class="soft" role="status">
        {formatCount(tasks.length, 'task')} shown
      </p>
    </>
  )
}

interface RowProps {
  task: Task
  top: number
  index: number
  /** Texts are shown whole, so rows have different heights. */
  measure(row: HTMLElement | null): void
}

function PlanRow({ task, top, index, measure }: RowProps) {
  const [, shape = '', word] = VERDICTS.find(([verdict]) => verdict === task.verdict) ?? []
  return (
    <div
      role="row"
      class="task planned"
      ref={measure}
      data-index={index}
      style={{ transform: `translateY(${top}px)` }}
      aria-rowindex={index + 2}
    >
      <span role="cell">
        <span class={`status s-${shape}`}>
          <Shape status={shape} />
          {word}
        </span>
      </span>
      <span role="cell">
        <Name text={task.label} />
      </span>
      <span role="cell" class="soft">
        <Name text={task.reason} />
      </span>
    </div>
  )
}
