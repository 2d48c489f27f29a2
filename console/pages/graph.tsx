import { useMemo } from 'preact/hooks'
import { Link, useLocation, useSearchParams } from 'wouter-preact'
import type { Cone, GraphTasks, RunDetail, RunGraph } from '../../src/control/control.ts'
import { askApi, makePath, writeQuery } from '../api.ts'
import { Canvas } from '../drawing/canvas.tsx'
import { makeGraphDrawing } from '../drawing/graph-drawing.ts'
import { useLayout } from '../drawing/use-layout.ts'
import { formatCount } from '../format.ts'
import { useLoaded, useRunEvents } from '../live.ts'
import { Empty, Name, Problem, Unread } from '../parts.tsx'
import { makeSubjectPath, NodeList } from './graph-list.tsx'
import { makeFamilyGraph, makeTaskGraph } from './graph-model.ts'
import { RunHead } from './run-head.tsx'

/** A run with so few tasks is shown task by task. */
const SMALL = 60
const WINDOW = 100

interface Data {
  run: RunDetail
  graph: RunGraph
  window?: GraphTasks | Cone
}

/** The graph of a run: families, the tasks of one, or what one task needs and what needs it. */
export function GraphPage({ run: name }: { run: string }) {
  const [search] = useSearchParams()
  const query = {
    family: search.get('family') ?? undefined,
    task: search.get('task') ?? undefined,
    cursor: search.get('after') ?? undefined,
    view: search.get('view') ?? undefined,
  }
  const key = `${name} ${search.toString()}`
  const { data, problem, reload } = useLoaded(key, (signal) => loadGraph(name, query, signal), 0)
  const run = data?.run
  useRunEvents(run?.run ?? name, run?.status === 'running' || run?.status === 'planning', reload)
  if (data === undefined) return <Unread problem={problem} />
  return (
    <>
      <RunHead run={data.run} page="graph" />
      <Problem problem={problem} />
      <GraphView subject={key} data={data} query={query} />
    </>
  )
}

type Query = { [Name in 'family' | 'task' | 'cursor' | 'view']: string | undefined }

async function loadGraph(
  name: string,
  { family, task, cursor, view }: Query,
  signal: AbortSignal,
): Promise<Data> {
  const path = makePath('runs', name)
  const [run, graph] = await Promise.all([
    askApi<RunDetail>(path, { signal }),
    askApi<RunGraph>(`${path}/graph`, { signal }),
  ])
  const limit = WINDOW
  if (task !== undefined)
    return {
      run,
      graph,
      window: await askApi<Cone>(`${path}/graph/cone`, { query: { task, limit }, signal }),
    }
  const tasks = graph.families.reduce((sum, each) => sum + each.tasks, 0)
  const isByTask = family !== undefined || view === 'tasks' || (view === undefined && tasks <= SMALL)
  if (!isByTask) return { run, graph }
  const query = { family, cursor, limit }
  return { run, graph, window: await askApi<GraphTasks>(`${path}/graph/tasks`, { query, signal }) }
}

function GraphView({ subject, data, query }: { subject: string; data: Data; query: Query }) {
  const { run, graph, window } = data
  const [, go] = useLocation()
  const shown = useMemo(
    () => (window === undefined ? makeFamilyGraph(graph) : makeTaskGraph(window, graph)),
    [graph, window],
  )
  // A status that changes moves nothing.
  const structure = `${subject} ${shown.nodes.length} ${shown.edges.length}`
  const layout = useLayout(structure, {
    nodes: shown.nodes.length,
    edges: Int32Array.from(shown.edges.flat()),
  })
  const drawing = useMemo(
    () =>
      layout &&
      makeGraphDrawing(shown, layout, (node) => {
        const to = shown.subjects[shown.nodes.indexOf(node)]
        if (to !== undefined) go(makeSubjectPath(run.run, to))
      }),
    [layout, shown],
  )
  if (shown.nodes.length === 0)
    return <Empty title="There is nothing to draw yet.">The graph appears once the run is planned.</Empty>
  return (
    <>
      <GraphBar run={run.run} window={window} query={query} />
      <div class="beside">
        <Canvas label={`Graph of ${run.run}`} drawing={drawing} subject={structure} />
        <NodeList run={run.run} shown={shown} />
      </div>
      <p class="soft" role="status">
        {describeShown(data)}
      </p>
    </>
  )
}

function describeShown({ graph, window }: Data): string {
  const { families, more } = graph
  if (window === undefined) {
    const all = families.length + more.families
    const rest = more.families > 0 ? `, ${more.families.toLocaleString('en')} of them not shown` : ''
    return `${all.toLocaleString('en')} ${all === 1 ? 'family' : 'families'}${rest}.`
  }
  const edges = window.moreEdges > 0 ? `, ${formatCount(window.moreEdges, 'edge')} not shown` : ''
  if ('cut' in window)
    return `It needs ${formatCount(window.upstreams, 'task')}, and ${formatCount(window.dependents, 'task')} ${
      window.dependents === 1 ? 'needs' : 'need'
    } it, directly or not${edges}.`
  return `${formatCount(window.tasks.length, 'task')} of ${window.all.toLocaleString('en')}${edges}.`
}

interface BarProps {
  run: string
  window: Data['window']
  query: Query
}

/** What is drawn, and the ways to something else. */
function GraphBar({ run, window, query }: BarProps) {
  const path = makePath('runs', run, 'graph')
  const { family, task } = query
  const isAll = window !== undefined && family === undefined && task === undefined
  return (
    <div class="bar">
      <nav class="tabs" aria-label="What is drawn">
        <Link href={`${path}?view=families`} aria-current={window === undefined ? 'page' : undefined}>
          Families
        </Link>
        <Link href={`${path}?view=tasks`} aria-current={isAll ? 'page' : undefined}>
          Tasks
        </Link>
        {family !== undefined && (
          <span aria-current="page" class="cut">
            Family <Name text={family} />
          </span>
        )}
        {window !== undefined && 'cut' in window && <MiddleName run={run} cone={window} />}
      </nav>
      {window !== undefined && 'next' in window && (
        <WindowLinks path={path} next={window.next} query={query} />
      )}
    </div>
  )
}

function MiddleName({ run, cone }: { run: string; cone: Cone }) {
  const task = cone.tasks.find(({ number }) => number === cone.number)
  return (
    <span aria-current="page" class="cut">
      Around{' '}
      <Link href={makePath('runs', run, 'tasks', cone.number)}>
        <Name text={task?.task ?? String(cone.number)} />
      </Link>
    </span>
  )
}

function WindowLinks({ path, next, query }: { path: string; next: string | null; query: Query }) {
  const { family, cursor } = query
  const view = family === undefined ? 'tasks' : undefined
  if (cursor === undefined && next === null) return null
  return (
    <nav class="buttons" aria-label="Windows of tasks">
      {cursor !== undefined && (
        <Link class="button" href={`${path}${writeQuery({ family, view })}`}>
          First {WINDOW}
        </Link>
      )}
      {next !== null && (
        <Link class="button" href={`${path}${writeQuery({ family, view, after: next })}`}>
          Next {WINDOW}
        </Link>
      )}
    </nav>
  )
}
