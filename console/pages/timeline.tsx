import { useMemo, useRef } from 'preact/hooks'
import { Link, useLocation, useSearchParams } from 'wouter-preact'
import type { RunDetail, Timeline } from '../../src/control/control.ts'
import { askApi, makePath, writeQuery } from '../api.ts'
import { now } from '../clock.ts'
import { Canvas } from '../drawing/canvas.tsx'
import { Load } from '../drawing/load.tsx'
import { makeTimelineDrawing } from '../drawing/timeline-drawing.ts'
import { formatCount, formatTook } from '../format.ts'
import { useLoaded, useRunEvents } from '../live.ts'
import { Empty, Instant, Name, Problem, Status, Unread } from '../parts.tsx'
import { useWindow } from '../virtual.ts'
import { RunHead } from './run-head.tsx'

const WINDOW = 500
const ROW_HEIGHT = 36

interface Data {
  run: RunDetail
  timeline: Timeline
}

/** When the tasks of a run ran: a window of it by time and family. */
export function TimelinePage({ run: name }: { run: string }) {
  const [search] = useSearchParams()
  const query = {
    from: search.get('from') ?? undefined,
    to: search.get('to') ?? undefined,
    family: search.get('family') ?? undefined,
    cursor: search.get('after') ?? undefined,
  }
  const load = async (signal: AbortSignal): Promise<Data> => {
    const path = makePath('runs', name)
    const [run, timeline] = await Promise.all([
      askApi<RunDetail>(path, { signal }),
      askApi<Timeline>(`${path}/timeline`, { query: { ...query, limit: WINDOW }, signal }),
    ])
    return { run, timeline }
  }
  const key = `${name} ${search.toString()}`
  const { data, problem, reload } = useLoaded(key, load, 0)
  useRunEvents(data?.run.run ?? name, data?.run.endedAt === null, reload)
  if (data === undefined) return <Unread problem={problem} />
  return (
    <>
      <RunHead run={data.run} page="timeline" />
      <Problem problem={problem} />
      {data.timeline.startedAt === null ? (
        <Empty title="Nothing has run yet.">The timeline appears when the first task begins.</Empty>
      ) : (
        <TimelineView subject={key} data={data} query={query} />
      )}
    </>
  )
}

interface ViewProps {
  subject: string
  data: Data
  query: { [Name in 'from' | 'to' | 'family' | 'cursor']: string | undefined }
}

function TimelineView({ subject, data: { run, timeline }, query }: ViewProps) {
  const [, go] = useLocation()
  const path = makePath('runs', run.run, 'timeline')
  const { startedAt, endedAt, tasks, found, next } = timeline
  const span = useMemo(
    () => ({ from: Number(query.from ?? startedAt), to: Number(query.to ?? endedAt) }),
    [subject, startedAt, endedAt],
  )
  const drawing = useMemo(
    () =>
      makeTimelineDrawing(tasks, span, endedAt ?? span.to, ({ number }) =>
        go(makePath('runs', run.run, 'tasks', number)),
      ),
    [tasks, span],
  )
  const { family, from, to } = query
  const isPart = from !== undefined || family !== undefined
  return (
    <>
      <Load
        timeline={timeline}
        span={span}
        choose={(first, last) => go(`${path}${writeQuery({ family, from: first, to: last })}`)}
      />
      <div class="bar">
        <p class="soft" role="status">
          {formatCount(found, 'task')} in {formatTook(span.to - span.from)}
          {found > tasks.length && `: ${tasks.length.toLocaleString('en')} of them are shown`}
          {family !== undefined && (
            <>
              {' '}
              of <Name text={family} />
            </>
          )}
        </p>
        <nav class="buttons" aria-label="Parts of the timeline">
          {isPart && (
            <Link class="button" href={path}>
              Whole run
            </Link>
          )}
          {query.cursor !== undefined && (
            <Link class="button" href={`${path}${writeQuery({ family, from, to })}`}>
              First {WINDOW}
            </Link>
          )}
          {next !== null && (
            <Link class="button" href={`${path}${writeQuery({ family, from, to, after: next })}`}>
              Next {WINDOW}
            </Link>
          )}
        </nav>
      </div>
      <div class="beside">
        <Canvas label={`Timeline of ${run.run}`} drawing={drawing} subject={subject} />
        <TimelineList run={run.run} tasks={tasks} />
      </div>
    </>
  )
}

/** The tasks of the drawing as a table, of which only rows in sight are drawn. */
function TimelineList({ run, tasks }: { run: string; tasks: Timeline['tasks'] }) {
  const scroller = useRef<HTMLDivElement>(null)
  const rows = useWindow(scroller, {
    count: tasks.length,
    height: ROW_HEIGHT,
    key: (index) => tasks[index]?.number ?? index,
  })
  return (
    <div class="window nodes" ref={scroller} role="region" aria-label="Tasks of the timeline" tabIndex={0}>
      <div class="tall" role="table" aria-label="Tasks by their start" aria-rowcount={tasks.length + 1}>
        <div role="row" class="task node head" aria-rowindex={1}>
          <span role="columnheader">Status</span>
          <span role="columnheader">Task</span>
          <span role="columnheader">Took</span>
        </div>
        <div role="rowgroup" class="tall" style={{ height: `${rows.getTotalSize()}px` }}>
          {rows.getVirtualItems().map(({ index, start }) => {
            const task = tasks[index]
            return task && <TimelineRow key={task.number} run={run} task={task} index={index} top={start} />
          })}
        </div>
      </div>
    </div>
  )
}

interface RowProps {
  run: string
  task: Timeline['tasks'][number]
  index: number
  top: number
}

const TimelineRow = ({ run, task, index, top }: RowProps) => (
  <div role="row" class="task node" style={{ transform: `translateY(${top}px)` }} aria-rowindex={index + 2}>
    <span role="cell">
      <Status status={task.status} />
    </span>
    <span role="cell" class="cut">
      <Link href={makePath('runs', run, 'tasks', task.number)} data-row title={task.task}>
        <Name text={task.task} />
      </Link>{' '}
      <span class="soft">
        <Instant at={task.startedAt} isShort />
      </span>
    </span>
    <span role="cell" class="number">
      {task.startedAt !== null && formatTook((task.endedAt ?? now()) - task.startedAt)}
    </span>
  </div>
)
