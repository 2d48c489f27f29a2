import type { ComponentChildren } from 'preact'
import { Link } from 'wouter-preact'
import type { ReasonShape, TaskPage, TaskShape, Why } from '../../src/control/control.ts'
import { ActedAt } from '../actor.tsx'
import { TaskActs } from '../acts.tsx'
import { ApiProblem, askApi, makePath } from '../api.ts'
import { now } from '../clock.ts'
import { formatBytes, formatTook, quoteWord } from '../format.ts'
import { useLoaded, useRunEvents } from '../live.ts'
import { Copy, Facts, Instant, Name, Problem, Status, Tail, Unread, Values, writeValue } from '../parts.tsx'
import { writePlaceFlag } from '../server.tsx'
import { Outputs } from './run.tsx'
import { TimeParts } from './time-parts.tsx'

const WAITING = ['pending', 'queued', 'waiting', 'expanding']
/** Why a task waits may change without an event. */
const EVERY_MS = 3_000

/** One task of a run: why it does not run, its attempts side by side, what it was given and what it made. */
export function TaskRunPage({ run, number }: { run: string; number: string }) {
  const { data, problem, reload } = useLoaded(
    `${run} ${number}`,
    async (signal) => {
      const path = makePath('runs', run)
      const [task] = (await askApi<TaskPage>(`${path}/tasks`, { query: { task: number }, signal })).tasks
      if (task === undefined) throw new ApiProblem(404, `The run has no task ${number}.`)
      const isWaiting = WAITING.includes(task.status)
      const why = isWaiting
        ? await askApi<Why>(`${path}/why`, { query: { task: number }, signal })
        : undefined
      return { task, why }
    },
    (data) => (data?.why === undefined && data?.task.status !== 'running' ? 0 : EVERY_MS),
  )
  if (data === undefined) return <Unread problem={problem} />
  return (
    <>
      <Problem problem={problem} />
      <TaskView run={run} task={data.task} why={data.why} reload={reload} />
    </>
  )
}

interface ViewProps {
  run: string
  task: TaskShape
  why: Why | undefined
  reload(): void
}

function TaskView({ run, task, why, reload }: ViewProps) {
  const isOpen = task.status === 'running' || why !== undefined
  useRunEvents(run, isOpen, reload)
  const path = makePath('runs', run, 'tasks', task.number)
  return (
    <>
      <div class="pagehead">
        <div>
          <p class="crumbs">
            <Link href="/runs">Runs</Link> /{' '}
            <Link href={makePath('runs', run)}>
              <Name text={run} />
            </Link>
          </p>
          <h1>
            <Name text={task.task} />
          </h1>
        </div>
        <div class="buttons">
          <Link class="button main" href={`${path}/log`}>
            Log
          </Link>
          <Link class="button" href={`${makePath('runs', run, 'graph')}?task=${task.number}`}>
            Graph
          </Link>
          <Copy
            label="Copy the command"
            text={`sluice retry ${quoteWord(run)} --task ${task.number}${writePlaceFlag()}`}
          />
          <TaskActs run={run} task={task} onDone={reload} />
        </div>
      </div>
      <Facts
        rows={[
          ['Status', <Status key="status" status={task.status} />],
          ['Family', <Name key="family" text={task.family} />],
          ['Pool', <Name key="pool" text={task.pool} />],
          ['Started', <Instant key="started" at={task.startedAt} />],
          ['Ended', <Instant key="ended" at={task.endedAt} />],
          ...listActs(task),
          ...listUse(task),
        ]}
      />
      {why && <Reasons reasons={why.reasons} />}
      {task.failure && (
        <section aria-labelledby="failure">
          <h2 id="failure">Why it failed</h2>
          <Tail text={task.failure.stack ?? task.failure.message} label="The failure" />
        </section>
      )}
      {Object.keys(task.parts).length > 0 && (
        <section aria-labelledby="times">
          <h2 id="times">Where the time of attempt {task.attempt} went</h2>
          <TimeParts parts={task.parts} />
        </section>
      )}
      {task.attempts.length > 0 && <Attempts path={path} task={task} />}
      <section aria-labelledby="params">
        <h2 id="params">Parameters</h2>
        <Values values={task.params} />
      </section>
      <section aria-labelledby="made">
        <h2 id="made">Outputs</h2>
        {task.outputs.length > 0 ? (
          <Outputs uris={task.outputs} />
        ) : (
          <>
            <p class="soft">It has no target; what its body returned is kept as its result.</p>
            {task.result !== undefined && task.result !== null && (
              <Tail text={writeValue(task.result)} label="The result" />
            )}
          </>
        )}
      </section>
    </>
  )
}

const listActs = ({
  cancelledAt,
  cancelledBy,
  markedAt,
  markedBy,
}: TaskShape): [string, ComponentChildren][] => [
  ...(cancelledAt === null
    ? []
    : [row('Cancelled', <ActedAt key="cancelled" at={cancelledAt} by={cancelledBy} />)]),
  ...(markedAt === null
    ? []
    : [row('Marked as succeeded', <ActedAt key="marked" at={markedAt} by={markedBy} />)]),
]

const row = (name: string, value: ComponentChildren): [string, ComponentChildren] => [name, value]

function listUse(task: TaskShape) {
  const { startedAt, endedAt, peakMemoryBytes, memoryMb, cpuSeconds, worker, image, code } = task
  const rows: [string, string][] = []
  if (startedAt !== null) rows.push(['Took', formatTook((endedAt ?? now()) - startedAt)])
  const most = memoryMb === null ? '' : ` of ${memoryMb} MiB`
  if (peakMemoryBytes !== null) rows.push(['Memory at most', `${formatBytes(peakMemoryBytes)}${most}`])
  if (cpuSeconds !== null) rows.push(['CPU', formatTook(cpuSeconds * 1_000)])
  if (worker !== null) rows.push(['Worker', worker])
  if (image !== null) rows.push(['Image', image])
  if (code !== null) rows.push(['Code', code])
  return rows
}

/** What holds a task back. */
export const Reasons = ({ reasons }: { reasons: ReasonShape[] }) => (
  <section aria-labelledby="why">
    <h2 id="why">Why it does not run yet</h2>
    <ol class="reasons">
      {reasons.map(({ text, until }) => (
        <li key={text}>
          <Name text={text} />
          {until !== undefined && (
            <span class="soft">
              {' '}
              until <Instant at={until} />
            </span>
          )}
        </li>
      ))}
    </ol>
    {reasons.length === 0 && <p class="soft">Nothing holds it back: it starts at once.</p>}
  </section>
)

const Attempts = ({ path, task }: { path: string; task: TaskShape }) => (
  <section aria-labelledby="attempts">
    <h2 id="attempts">Attempts that did not succeed at once</h2>
    <ul class="attempts">
      {task.attempts.map(({ attempt, outcome, startedAt, endedAt, ...more }) => (
        <li key={attempt} class="card">
          <div class="cardhead">
            <h3>
              <Link href={`${path}/log?attempt=${attempt}`}>Attempt {attempt}</Link>
            </h3>
            <span class={outcome === 'succeeded' ? 'good' : 'bad'}>{outcome.replaceAll('_', ' ')}</span>
          </div>
          <Facts
            rows={[
              ['Ended', <Instant key="ended" at={endedAt} isShort />],
              ...((startedAt === undefined ? [] : [['Took', formatTook(endedAt - startedAt)]]) as [
                string,
                string,
              ][]),
              ...((more.peakMemoryBytes === undefined
                ? []
                : [['Memory at most', formatBytes(more.peakMemoryBytes)]]) as [string, string][]),
              ...((more.code === undefined ? [] : [['Code', more.code]]) as [string, string][]),
              ...((more.image === undefined ? [] : [['Image', more.image]]) as [string, string][]),
              ...((more.worker === undefined ? [] : [['Worker', more.worker]]) as [string, string][]),
            ]}
          />
          <TimeParts parts={more.parts} />
          {more.failure && (
            <p class="bad">
              <Name text={more.failure.message} />
            </p>
          )}
          {more.tail && <Tail text={more.tail} label={`Last lines of attempt ${attempt}`} />}
        </li>
      ))}
    </ul>
  </section>
)
