import { Link, useSearchParams } from 'wouter-preact'
import type { LuigidTaskDetail } from '../../src/control/control.ts'
import { askApi, makePath } from '../api.ts'
import { quoteWord } from '../format.ts'
import { useLoaded } from '../live.ts'
import { Copy, Facts, Instant, Name, Problem, Tail, Values } from '../parts.tsx'
import { LuigidStatus, makeTaskHref } from './luigid.tsx'
import { Reasons } from './task.tsx'

const EVERY_MS = 3_000

/** A task of Luigi's scheduler: why it does not run now, why it failed, what it depends on, and what became of it. */
export function LuigidTaskPage() {
  useSearchParams()
  // Its answer has been decoded once more, which makes another id of one with %2F in it.
  const id = new URLSearchParams(location.search).get('id') ?? ''
  const { data: task, problem } = useLoaded(
    id,
    (signal) => askApi<LuigidTaskDetail>(makePath('luigid', 'tasks', id), { signal }),
    EVERY_MS,
  )
  return (
    <>
      <Problem problem={problem} />
      {task && <TaskView task={task} />}
    </>
  )
}

const TaskView = ({ task }: { task: LuigidTaskDetail }) => (
  <>
    <div class="pagehead">
      <div>
        <p class="crumbs">
          <Link href="/luigid">Luigi's scheduler</Link>
        </p>
        <h1>
          <Name text={task.task} />
        </h1>
      </div>
      <div class="buttons">
        <Copy label="Copy the command" text={`sluice why luigid ${quoteWord(task.id)}`} />
      </div>
    </div>
    <Facts
      rows={[
        ['Status', <LuigidStatus key="status" status={task.status} />],
        ['Since', <Instant key="since" at={task.updatedAt} />],
        ['Id', <Name key="id" text={task.id} />],
        ['Priority', task.priority.toLocaleString('en')],
        ['Last run began', <Instant key="began" at={task.startedAt} />],
        ...listOptional(task),
      ]}
    />
    <Reasons reasons={task.reasons} />
    {task.error !== null && (
      <section aria-labelledby="failure">
        <h2 id="failure">Why it failed</h2>
        <Tail text={task.error} label="The failure" />
      </section>
    )}
    <section aria-labelledby="params">
      <h2 id="params">Parameters</h2>
      <Values values={task.params} />
    </section>
    {task.dependencies.length > 0 && <Dependencies task={task} />}
    {task.history.length > 0 && <History history={task.history} />}
  </>
)

/** A page that the task names is shown, and is no link: the client that adds a task writes it, and nobody has checked it. */
function listOptional({
  module,
  worker,
  workers,
  message,
  progress,
  trackingUrl,
  resources,
}: LuigidTaskDetail) {
  const rows: [string, preact.ComponentChildren][] = []
  const add = (name: string, text: string) => rows.push([name, <Name key={name} text={text} />])
  if (module !== null) add('Module', module)
  if (worker !== null) add('Run by', worker)
  if (workers.length > 0) add('Workers that can run it', workers.join(', '))
  if (progress !== null) add('Progress', `${progress} %`)
  if (message !== null) add('Says', message)
  if (trackingUrl !== null) add('Its page', trackingUrl)
  if (Object.keys(resources).length > 0)
    rows.push(['Resources', <Values key="resources" values={resources} />])
  return rows
}

const Dependencies = ({ task: { dependencies, moreDependencies } }: { task: LuigidTaskDetail }) => (
  <section aria-labelledby="dependencies">
    <h2 id="dependencies">Depends on</h2>
    <table class="rows" aria-label="Dependencies">
      <thead>
        <tr>
          <th scope="col">Status</th>
          <th scope="col">Task</th>
        </tr>
      </thead>
      <tbody>
        {dependencies.map(({ id, task, status }) => (
          <tr key={id}>
            <td>
              <LuigidStatus status={status} />
            </td>
            <td>
              <Link href={makeTaskHref(id)} data-row>
                <Name text={task} />
              </Link>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
    {moreDependencies > 0 && <p class="soft">And {moreDependencies.toLocaleString('en')} more.</p>}
  </section>
)

const History = ({ history }: { history: LuigidTaskDetail['history'] }) => (
  <section aria-labelledby="history">
    <h2 id="history">Its last changes</h2>
    <ol class="reasons">
      {history.map(({ at, status, worker }) => (
        <li key={`${at} ${status}`}>
          <LuigidStatus status={status} /> <Instant at={at} isShort />
          {worker !== null && (
            <span class="soft">
              {' '}
              <Name text={worker} />
            </span>
          )}
        </li>
      ))}
    </ol>
  </section>
)
