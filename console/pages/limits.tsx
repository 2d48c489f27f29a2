import type { ComponentChildren } from 'preact'
import { Link, useSearchParams } from 'wouter-preact'
import type { BudgetShape, LimitUse, Pools } from '../../src/control/control.ts'
import { askApi, writeQuery } from '../api.ts'
import { now } from '../clock.ts'
import { formatCount, formatTook } from '../format.ts'
import { useLoaded } from '../live.ts'
import { Instant, Name, Problem, Unread } from '../parts.tsx'
import { Users } from './limit-users.tsx'

const EVERY_MS = 3_000

type Kind = LimitUse['of']

/** Pools, resources and budgets: how much is used, who holds it and who waits. */
export function LimitsPage() {
  const { data, problem } = useLoaded(
    'limits',
    async (signal) => {
      const [{ pools, resources }, budgets] = await Promise.all([
        askApi<Pools>('/pools', { signal }),
        askApi<BudgetShape[]>('/budgets', { signal }),
      ])
      return { pools, resources, budgets }
    },
    EVERY_MS,
  )
  if (data === undefined) return <Unread problem={problem} />
  const { pools, resources, budgets } = data
  return (
    <>
      <Problem problem={problem} />
      <h1>Limits</h1>
      <Group title="Pools" empty="">
        {pools.map(({ pool, concurrency, maxMemoryMb, running, queued, waiting }) => (
          <Card key={pool} of="pool" name={pool} used={running} limit={concurrency}>
            <p>
              {concurrency === null
                ? `${running.toLocaleString('en')} running, no limit of its own`
                : `${running.toLocaleString('en')} of ${concurrency.toLocaleString('en')} places taken`}
            </p>
            <p class="soft">
              {queued.toLocaleString('en')} queued · {waiting.toLocaleString('en')} waiting
              {maxMemoryMb !== null && ` · up to ${maxMemoryMb.toLocaleString('en')} MiB each`}
            </p>
          </Card>
        ))}
      </Group>
      <Group
        title="Resources"
        empty="The config names none. A resource lets only so many tasks use a database or a service at once: docs/limits.md."
      >
        {resources.map(({ resource, limit, held, waiting, configured }) => (
          <Card key={resource} of="resource" name={resource} used={held} limit={limit}>
            <p>
              {held.toLocaleString('en')} of {limit.toLocaleString('en')} held
            </p>
            <p class="soft">{formatCount(waiting, 'task')} waiting</p>
            <Later configured={configured} />
          </Card>
        ))}
      </Group>
      <Group
        title="Budgets"
        empty="The config names none. A budget keeps tasks to a quota of an outside service: docs/limits.md."
      >
        {budgets.map((budget) => (
          <BudgetCard key={budget.budget} budget={budget} />
        ))}
      </Group>
      <Users />
    </>
  )
}

function Group({ title, empty, children }: { title: string; empty: string; children: ComponentChildren[] }) {
  const id = title.toLowerCase()
  return (
    <section aria-labelledby={id}>
      <h2 id={id}>{title}</h2>
      {children.length === 0 ? <p class="soft">{empty}</p> : <ul class="cards">{children}</ul>}
    </section>
  )
}

interface CardProps {
  of: Kind
  name: string
  used: number
  limit: number | null
  children: ComponentChildren
}

function Card({ of, name, used, limit, children }: CardProps) {
  const [search] = useSearchParams()
  const isShown = search.get('of') === of && search.get('name') === name
  return (
    <li class="card">
      <div class="cardhead">
        <h3>
          <Name text={name} />
        </h3>
        <Link
          class="button"
          href={`/limits${writeQuery({ of, name })}`}
          aria-current={isShown ? 'true' : undefined}
          aria-label={`Who uses the ${of} ${name}`}
          data-row
        >
          Who uses
        </Link>
      </div>
      {limit !== null && <Meter label={`Used of the ${of} ${name}`} used={used} limit={limit} />}
      {children}
    </li>
  )
}

const Meter = ({ label, used, limit }: { label: string; used: number; limit: number }) => (
  <meter aria-label={label} min={0} max={Math.max(1, limit)} value={Math.min(used, limit)} />
)

const Later = ({ configured }: { configured: { limit: number } | undefined }) =>
  configured === undefined ? null : (
    <p class="warn">
      The config says {configured.limit.toLocaleString('en')}: it counts once an engine has read it.
    </p>
  )

function BudgetCard({ budget: shape }: { budget: BudgetShape }) {
  const {
    budget,
    limit,
    per,
    timeZone,
    spent,
    reserved,
    left,
    windowEndsAt,
    blockedUntil,
    waiting,
    configured,
  } = shape
  const number = (value: number) => value.toLocaleString('en')
  return (
    <Card of="budget" name={budget} used={spent + reserved} limit={limit}>
      <p>
        {number(spent)} of {number(limit)} spent{per && ` this ${per}`} · {number(left)} left
        {reserved > 0 && ` · ${number(reserved)} reserved`}
      </p>
      {windowEndsAt !== null && (
        <p class="soft">
          Its window turns in {formatTook(Math.max(0, windowEndsAt - now()))},{' '}
          <Instant at={windowEndsAt} isShort />
          {timeZone && ` (${timeZone})`}
        </p>
      )}
      {blockedUntil !== null && (
        <p class="bad">
          The service wants no requests until <Instant at={blockedUntil} isShort />
        </p>
      )}
      <p class="soft">{formatCount(waiting, 'task')} waiting</p>
      <Later configured={configured} />
    </Card>
  )
}
