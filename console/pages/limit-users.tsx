import { Link, useSearchParams } from 'wouter-preact'
import type { LimitUse } from '../../src/control/control.ts'
import { askApi, makePath, writeQuery } from '../api.ts'
import { formatCount } from '../format.ts'
import { useLoaded } from '../live.ts'
import { Empty, Instant, Name, Problem, Status, Unread } from '../parts.tsx'

const EVERY_MS = 3_000
const WINDOW = 50

/** The tasks that hold the limit that the URL names, and those that wait for it. */
export function Users() {
  const [search] = useSearchParams()
  const [of, name, cursor] = [search.get('of'), search.get('name'), search.get('after') ?? undefined]
  if (of === null || name === null) return null
  return <UserList key={`${of} ${name} ${cursor}`} of={of} name={name} cursor={cursor} />
}

function UserList({ of, name, cursor }: { of: string; name: string; cursor: string | undefined }) {
  const { data, problem } = useLoaded(
    `${of} ${name} ${cursor}`,
    (signal) => askApi<LimitUse>(makePath('limits', of, name), { query: { cursor, limit: WINDOW }, signal }),
    EVERY_MS,
  )
  if (data === undefined) return <Unread problem={problem} />
  const { holders, moreHolders, waiters, next } = data
  return (
    <section aria-labelledby="users">
      <h2 id="users">
        Who uses the {of} <Name text={name} />
      </h2>
      <Problem problem={problem} />
      {holders.length + waiters.length === 0 && (
        <Empty title="No task uses it now.">Tasks appear here while they hold it or wait for it.</Empty>
      )}
      <UserRows label="Tasks that hold it" users={holders} />
      {moreHolders > 0 && <p class="soft">And {formatCount(moreHolders, 'further task')}.</p>}
      <UserRows label="Tasks that wait" users={waiters} />
      {(next !== null || cursor !== undefined) && (
        <nav class="buttons more" aria-label="Windows of waiting tasks">
          {cursor !== undefined && (
            <Link class="button" href={`/limits${writeQuery({ of, name })}`}>
              First {WINDOW}
            </Link>
          )}
          {next !== null && (
            <Link class="button" href={`/limits${writeQuery({ of, name, after: next })}`}>
              Next {WINDOW}
            </Link>
          )}
        </nav>
      )}
    </section>
  )
}

function UserRows({ label, users }: { label: string; users: LimitUse['holders'] }) {
  if (users.length === 0) return null
  return (
    <table class="rows more" aria-label={label}>
      <thead>
        <tr>
          <th>Status</th>
          <th>{label}</th>
          <th class="wide">Run</th>
          <th class="number">Amount</th>
          <th class="wide">Since</th>
        </tr>
      </thead>
      <tbody>
        {users.map(({ run, number, task, status, weight, since }) => (
          <tr key={`${run} ${number}`}>
            <td>
              <Status status={status} />
            </td>
            <td>
              <Link href={makePath('runs', run, 'tasks', number)} data-row>
                <Name text={task} />
              </Link>
            </td>
            <td class="wide">
              <Link href={makePath('runs', run)}>
                <Name text={run} />
              </Link>
            </td>
            <td class="number">{weight?.toLocaleString('en') ?? '1 place'}</td>
            <td class="wide">
              <Instant at={since} isShort />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}
