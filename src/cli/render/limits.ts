import type { BudgetShape, Pools } from '../../control/control.ts'
import { formatInstant, renderColumns } from './text.ts'

/** Budgets, a row each. */
export function renderBudgetTable(budgets: BudgetShape[]): string {
  if (budgets.length === 0) return 'The config has no budgets.'
  const rows = budgets.map(
    ({ budget, limit, per, spent, reserved, left, windowEndsAt, blockedUntil, waiting }) => [
      budget,
      `${limit} a ${per}`,
      String(spent),
      String(reserved),
      String(left),
      blockedUntil === null
        ? formatInstant(windowEndsAt ?? 0)
        : `left alone until ${formatInstant(blockedUntil)}`,
      String(waiting),
    ],
  )
  const head = ['budget', 'limit', 'spent', 'reserved', 'left', 'until (UTC)', 'waiting']
  const notes = budgets.flatMap(({ budget, configured }) =>
    configured === undefined
      ? []
      : [notApplied(`budget ${budget}`, `${configured.limit} a ${configured.per}`)],
  )
  return [renderColumns(head, rows), ...notes].join('\n')
}

/** Pools, and below them resources, a row each. */
export function renderPoolTables({ pools, resources }: Pools): string {
  const poolTable = renderColumns(
    ['pool', 'places', 'running', 'queued', 'waiting', 'largest'],
    pools.map((each) => [
      each.pool,
      each.concurrency === null ? 'no limit' : String(each.concurrency),
      String(each.running),
      String(each.queued),
      String(each.waiting),
      each.maxMemoryMb === null ? '' : `${each.maxMemoryMb} MB`,
    ]),
  )
  if (resources.length === 0) return poolTable
  const resourceTable = renderColumns(
    ['resource', 'slots', 'held', 'waiting'],
    resources.map((each) => [each.resource, String(each.limit), String(each.held), String(each.waiting)]),
  )
  const notes = resources.flatMap(({ resource, configured }) =>
    configured === undefined ? [] : [notApplied(`resource ${resource}`, String(configured.limit))],
  )
  return [`${poolTable}\n\n${resourceTable}`, ...notes].join('\n')
}

/** A limit belongs to the state: engines apply what their config says when they start. */
const notApplied = (name: string, allowed: string) =>
  `The config allows ${allowed} for the ${name}: it counts once sluice dev, or a command that runs tasks, has read it.`
