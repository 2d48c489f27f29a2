import { Link, useSearchParams } from 'wouter-preact'
import type { Luigid, LuigidTask, LuigidTaskPage, LuigidWorkerPage } from '../../src/control/control.ts'
import { askApi, writeQuery } from '../api.ts'
import { FilterField } from '../filter-field.tsx'
import { formatCount } from '../format.ts'
import { useLoaded } from '../live.ts'
import { Empty, Instant, Name, Problem, Shape } from '../parts.tsx'
import { Resources, Workers } from './luigid-workers.tsx'

const EVERY_MS = 3_000
const PAGE = 100

/** The status of Sluice whose colour and shape a status of Luigi has. */
const LOOKS: { [status: string]: string } = {
  DONE: 'succeeded',
  RUNNING: 'running',
  BATCH_RUNNING: 'running',
  FAILED: 'failed',
  DISABLED: 'failed',
  PENDING: 'pending',
  UNKNOWN: 'waiting',
}

/** A status in Luigi's own word. */
export const LuigidStatus = ({ status }: { status: string }) => (
  <span class={`status s-${LOOKS[status] ?? 'pending'}`}>
    <Shape status={LOOKS[status] ?? 'pending'} />
    {status.replaceAll('_', ' ').toLowerCase()}
  </span>
)

/** The page of a task. Its id is any text, which a path could not hold. */
export const makeTaskHref = (id: string) => `/luigid/task${writeQuery({ id })}`

/** The link to Luigi's scheduler, where one has worked on the state. */
export function LuigidLink({ path }: { path: string }) {
  const { data } = useLoaded('luigid', (signal) => askApi<Luigid>('/luigid', { signal }), 0)
  if (!data?.scheduler) return null
  return (
    <Link href="/luigid" aria-current={path.startsWith('/luigid') ? 'page' : undefined}>
      Luigi
    </Link>
  )
}

/** Luigi's central scheduler: its tasks by status, its workers and its resources. */
export function LuigidPage() {
  const [search, setSearch] = useSearchParams()
  const [status, text, after] = ['status', 'text', 'after'].map((name) => search.get(name) ?? '')
  const query = { statuses: status, text, cursor: after, limit: PAGE }
  const { data, problem } = useLoaded(
    writeQuery(query),
    async (signal) => {
      const { scheduler } = await askApi<Luigid>('/luigid', { signal })
      if (scheduler === null) return { scheduler }
      const [tasks, workers] = await Promise.all([
        askApi<LuigidTaskPage>('/luigid/tasks', { query, signal }),
        askApi<LuigidWorkerPage>('/luigid/workers', { query: { limit: PAGE }, signal }),
      ])
      return { scheduler, tasks, workers }
    },
    EVERY_MS,
  )
  const set = (name: string, value: string) =>
    setSearch((old) => {
      const next = new URLSearchParams(old)
      next.delete('after')
      if (value === '') next.delete(name)
      else next.set(name, value)
      return next
    })
  return (
    <>
      <Problem problem={problem} />
      <h1>Luigi's scheduler</h1>
      {data?.scheduler === null && (
        <Empty title="No scheduler of Luigi has worked on this state.">
          Start one with <code>sluice luigid</code>, or with <code>sluice dev --luigid</code>.
        </Empty>
      )}
      {data?.tasks && (
        <>
          {data.scheduler.paused && <p class="warn">It is paused: it hands out no task.</p>}
          <ul class="counts" aria-label="Tasks by status">
            {Object.entries(data.scheduler.counts).map(([each, count]) => (
              <li key={each}>
                <button
                  type="button"
                  aria-pressed={each === status}
                  onClick={() => set('status', each === status ? '' : each)}
                >
                  <strong>{count?.toLocaleString('en')}</strong> <LuigidStatus status={each} />
                </button>
              </li>
            ))}
          </ul>
          <section aria-labelledby="tasks">
            <h2 id="tasks">Tasks</h2>
            <form class="filters" role="search" onSubmit={(event) => event.preventDefault()}>
              <FilterField
                label="Name contains"
                value={text ?? ''}
                isSearch
                set={(value) => set('text', value)}
              />
            </form>
            <Tasks page={data.tasks} search={search} />
          </section>
          <section aria-labelledby="workers">
            <h2 id="workers">Workers</h2>
            <Workers page={data.workers} all={data.scheduler.workers} />
          </section>
          <Resources resources={data.scheduler.resources} />
        </>
      )}
    </>
  )
}

function Tasks({ page: { tasks, found, next }, search }: { page: LuigidTaskPage; search: URLSearchParams }) {
  const fields = Object.fromEntries(search)
  const isFiltered = search.size > 0
  return (
    <>
      <p class="soft" role="status">
        {formatCount(found, 'task')}
      </p>
      {tasks.length === 0 ? (
        <Empty title={isFiltered ? 'No task is like this.' : 'The scheduler knows no task.'}>
          {isFiltered
            ? 'Take a filter away: the name or the status.'
            : 'A worker adds its tasks when it starts.'}
        </Empty>
      ) : (
        <table class="rows" aria-label="Tasks">
          <thead>
            <tr>
              <th scope="col">Status</th>
              <th scope="col">Task</th>
              <th scope="col" class="wide">
                Upstream
              </th>
              <th scope="col">Since</th>
              <th scope="col" class="wide">
                Progress
              </th>
            </tr>
          </thead>
          <tbody>
            {tasks.map((task) => (
              <TaskRow key={task.id} task={task} />
            ))}
          </tbody>
        </table>
      )}
      <p class="links">
        {search.has('after') && (
          <Link href={`/luigid${writeQuery({ ...fields, after: '' })}`}>The first tasks</Link>
        )}
        {next !== null && (
          <Link href={`/luigid${writeQuery({ ...fields, after: next })}`}>Further tasks</Link>
        )}
      </p>
    </>
  )
}

const TaskRow = ({ task }: { task: LuigidTask }) => (
  <tr>
    <td>
      <LuigidStatus status={task.status} />
    </td>
    <td>
      <Link href={makeTaskHref(task.id)} data-row>
        <Name text={task.task} />
      </Link>
    </td>
    <td class="wide">{task.upstream?.replace('UPSTREAM_', '').replaceAll('_', ' ').toLowerCase()}</td>
    <td>
      <Instant at={task.updatedAt} isShort />
    </td>
    <td class="wide cut">
      {task.progress !== null && `${task.progress} % `}
      {task.message !== null && <Name text={task.message} />}
    </td>
  </tr>
)
