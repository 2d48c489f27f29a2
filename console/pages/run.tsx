import type { ComponentChildren } from 'preact'
import { Link, useSearchParams } from 'wouter-preact'
import type { RunDetail, TaskPage, TaskShape } from '../../src/control/control.ts'
import { ActedAt } from '../actor.tsx'
import { RunActs } from '../acts.tsx'
import { type ApiProblem, askApi, makePath } from '../api.ts'
import { now } from '../clock.ts'
import { formatCount, formatTook } from '../format.ts'
import { useLoaded, useRunEvents } from '../live.ts'
import { isRefusal } from '../loading.ts'
import { Facts, Instant, Name, Problem, Status, Tail, Unread, Values } from '../parts.tsx'
import { RunHead } from './run-head.tsx'
import { TaskTable } from './tasks.tsx'

/** So many failed tasks are looked at to group them. */
const FAILURES = 100
const CAUSES = 8

/** A run: summary, counts, failures by cause, and its tasks. */
export function RunPage({ run: name }: { run: string }) {
  const {
    data: run,
    problem,
    reload,
  } = useLoaded(name, (signal) => askApi<RunDetail>(makePath('runs', name), { signal }), 0)
  if (run === undefined) return <Unread problem={problem} />
  return <RunView key={run.run} run={run} problem={problem} reload={reload} />
}

interface ViewProps {
  run: RunDetail
  /** Why it could not be read again. */
  problem: ApiProblem | undefined
  reload(): void
}

function RunView({ run, problem, reload }: ViewProps) {
  const isOpen = run.status === 'running' || run.status === 'planning'
  const isGone = problem !== undefined && isRefusal(problem)
  const failed = run.counts.failed ?? 0
  const failures = useLoaded(`${run.run} ${failed}`, (signal) => loadFailures(run.run, failed, signal), 0)
  const [search, setSearch] = useSearchParams()
  const chosen = search.get('status') ?? ''
  const choose = (status: string) =>
    setSearch((old) => {
      const next = new URLSearchParams(old)
      next.delete('where')
      if (status === chosen) next.delete('status')
      else next.set('status', status)
      return next
    })
  useRunEvents(run.run, isOpen && !isGone, reload)
  return (
    <>
      <RunHead run={run} page="run">
        <RunActs run={run} onDone={reload} />
      </RunHead>
      <Problem problem={problem} />
      <Facts
        rows={[
          ['Status', <Status key="status" status={run.status} />],
          ['Opened', <ActedAt key="opened" at={run.createdAt} by={run.startedBy} />],
          ...listCancelling(run),
          ['Ended', <Instant key="ended" at={run.endedAt} />],
          ['Took', formatTook((run.endedAt ?? now()) - run.createdAt)],
          ['Parameters', <Values key="params" values={run.params} />],
          ...(run.outputs.length > 0
            ? [['Makes', <Outputs key="makes" uris={run.outputs} />] as [string, never]]
            : []),
        ]}
      />
      {run.unattendedSince !== null && isOpen && (
        <p class="bad">
          No process has worked on this run since <Instant at={run.unattendedSince} />.
        </p>
      )}
      {run.failure && (
        <div class="problem">
          <strong>
            <Name text={run.failure.message} />
          </strong>
        </div>
      )}
      <ul class="counts" aria-label="Tasks by status">
        {Object.entries(run.counts).map(([status, count]) => (
          <li key={status}>
            <button type="button" aria-pressed={status === chosen} onClick={() => choose(status)}>
              <strong>{count.toLocaleString('en')}</strong> <Status status={status} />
            </button>
          </li>
        ))}
      </ul>
      <Failures run={run.run} failed={failed} tasks={failures.data ?? []} />
      <section aria-labelledby="tasks">
        <h2 id="tasks">Tasks</h2>
        <TaskTable run={run.run} version={JSON.stringify(run.counts)} onActed={reload} />
      </section>
    </>
  )
}

/** Who cancelled it and when; the engine cancels what it cannot go on with, and then no name is shown. */
const listCancelling = ({ cancelledAt, cancelledBy, status }: RunDetail): [string, ComponentChildren][] =>
  cancelledAt !== null && (cancelledBy !== null || status === 'cancelled')
    ? [['Cancelled', <ActedAt key="cancelled" at={cancelledAt} by={cancelledBy} />]]
    : []

/** URIs of targets. */
export const Outputs = ({ uris }: { uris: string[] }) => (
  <span class="values">
    {uris.map((uri) => (
      <code key={uri}>
        <Name text={uri} />
      </code>
    ))}
  </span>
)

async function loadFailures(run: string, failed: number, signal: AbortSignal): Promise<TaskShape[]> {
  if (failed === 0) return []
  const query = { statuses: 'failed', limit: FAILURES }
  return (await askApi<TaskPage>(`${makePath('runs', run)}/tasks`, { query, signal })).tasks
}

function Failures({ run, failed, tasks }: { run: string; failed: number; tasks: TaskShape[] }) {
  if (tasks.length === 0) return null
  const causes = Map.groupBy(tasks, findCause)
  const shown = [...causes].sort(([, a], [, b]) => b.length - a.length).slice(0, CAUSES)
  return (
    <section aria-labelledby="causes">
      <h2 id="causes">Failures by cause</h2>
      {failed > tasks.length && (
        <p class="soft">
          From the first {tasks.length} of {failed.toLocaleString('en')} failed tasks.
        </p>
      )}
      {shown.map(([cause, alike]) => {
        const [first] = alike
        const tail = first?.attempts.at(-1)?.tail
        return (
          <details key={cause} class="cause" open={shown.length === 1}>
            <summary>
              <span class="bad">{formatCount(alike.length, 'task')}</span> <Name text={cause} />
            </summary>
            {tail && <Tail text={lastLines(tail)} label={`Last lines of ${first?.task}`} />}
            <p class="links">
              {alike.slice(0, 5).map(({ number, task }) => (
                <Link key={number} href={makePath('runs', run, 'tasks', number)}>
                  <Name text={task} />
                </Link>
              ))}
              {alike.length > 5 && <span class="soft">and {alike.length - 5} more</span>}
            </p>
          </details>
        )
      })}
      {causes.size > CAUSES && (
        <p class="soft">And {causes.size - CAUSES} other causes; the table has all.</p>
      )}
    </section>
  )
}

/** The first line of a failure, without the numbers that differ from task to task. */
function findCause({ failure }: TaskShape): string {
  const [line = ''] = (failure?.message ?? 'no message').split('\n')
  return `${failure?.outcome.replaceAll('_', ' ') ?? 'failed'}: ${line.slice(0, 300).replace(/\d+/g, '#')}`
}

const LAST_LINES = 8
const lastLines = (text: string) => text.trimEnd().split('\n').slice(-LAST_LINES).join('\n')
