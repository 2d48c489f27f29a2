import { Link } from 'wouter-preact'
import type { BudgetShape, Pools } from '../../src/control/control.ts'
import { askApi, writeQuery } from '../api.ts'
import { now } from '../clock.ts'
import { formatCount, formatTook } from '../format.ts'
import { useLoaded } from '../live.ts'
import { Name } from '../parts.tsx'

const EVERY_MS = 10_000
/** A budget is nearly spent from this part of it on. */
const NEARLY = 0.8

interface Tight {
  of: 'pool' | 'resource' | 'budget'
  name: string
  text: string
}

/** What holds tasks back, or soon will: budgets that are nearly spent, and pools and resources with a backlog. Nothing if nothing does. */
export function TightLimits() {
  const { data } = useLoaded(
    'tight limits',
    async (signal) => {
      const [pools, budgets] = await Promise.all([
        askApi<Pools>('/pools', { signal }),
        askApi<BudgetShape[]>('/budgets', { signal }),
      ])
      return listTightLimits(pools, budgets, now())
    },
    EVERY_MS,
  )
  if (data === undefined || data.length === 0) return null
  return (
    <section aria-labelledby="tight">
      <h2 id="tight">Limits that hold back</h2>
      <ul class="slow">
        {data.map(({ of, name, text }) => (
          <li key={`${of} ${name}`}>
            <Link href={`/limits${writeQuery({ of, name })}`}>
              {of} <Name text={name} />
            </Link>
            : {text}
          </li>
        ))}
      </ul>
    </section>
  )
}

export function listTightLimits({ pools, resources }: Pools, budgets: BudgetShape[], at: number): Tight[] {
  return [
    ...budgets
      .filter(({ limit, left, waiting }) => waiting > 0 || left <= limit * (1 - NEARLY))
      .map(({ budget, limit, left, waiting, windowEndsAt }): Tight => {
        const turns =
          windowEndsAt === null ? '' : `, its window turns in ${formatTook(Math.max(0, windowEndsAt - at))}`
        return {
          of: 'budget',
          name: budget,
          text: `${left.toLocaleString('en')} of ${limit.toLocaleString('en')} left${turns}${formatWaiting(waiting)}`,
        }
      }),
    ...resources
      .filter(({ waiting }) => waiting > 0)
      .map(
        ({ resource, held, limit, waiting }): Tight => ({
          of: 'resource',
          name: resource,
          text: `${held.toLocaleString('en')} of ${limit.toLocaleString('en')} held${formatWaiting(waiting)}`,
        }),
      ),
    ...pools
      .filter(({ queued, concurrency }) => queued > 0 && concurrency !== null)
      .map(
        ({ pool, queued, running, concurrency }): Tight => ({
          of: 'pool',
          name: pool,
          text: `${running.toLocaleString('en')} of ${(concurrency ?? 0).toLocaleString('en')} places taken, ${formatCount(queued, 'task')} queued`,
        }),
      ),
  ]
}

const formatWaiting = (waiting: number) => (waiting === 0 ? '' : `, ${formatCount(waiting, 'task')} waiting`)
