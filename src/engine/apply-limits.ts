import type { Stored } from '../core/change.ts'
import { type Key, keys } from '../core/keys.ts'
import { applyLimitConfig, computeLimitAt, setNextDueInstant } from '../core/limit-row.ts'
import type { Limits } from '../core/limits.ts'
import { readClockMoment } from '../core/moment.ts'
import type { Limit } from '../core/records/lock-and-limit.ts'
import { type Context, updateRecords } from './context.ts'

/**
 * Writes what the config allows into the rows of limits. The rows decide, for every process alike, and the config that was
 * applied last counts. A changed row comes through the feed, so that its waiters are looked at again at once.
 */
export async function applyConfiguredLimits({ ports, settings }: Context): Promise<void> {
  const wanted = listLimitKeys(settings.limits)
  const rows = await ports.store.read(wanted)
  const updates = wanted.flatMap((key, index) => {
    const record = rows[index]
    // A row that was never written is made from the config by its first claim.
    return record === undefined ? [] : [{ key, record }]
  })
  const decide = (row: Stored<Limit>) => makeLimitChanges(row, settings.limits, readClockMoment(ports.clock))
  await updateRecords(
    ports.store,
    updates.map((each) => ({ ...each, decide })),
  )
}

const listLimitKeys = ({ pools, resources, budgets }: Limits): Key<'limit'>[] => [
  ...Object.keys(pools).map((name) => keys.limit('pool', name)),
  ...Object.keys(resources).map((name) => keys.limit('resource', name)),
  ...Object.keys(budgets).map((name) => keys.limit('budget', name)),
]

function makeLimitChanges(row: Stored<Limit>, limits: Limits, moment: ReturnType<typeof readClockMoment>) {
  if (!differsFromConfig(row, limits, moment.now)) return undefined
  const next = computeLimitAt(applyLimitConfig(row, limits, moment.now), moment)
  const { limit, window, holders, dueAt } = setNextDueInstant(next, moment)
  return { limit, window, holders, dueAt, blockedUntil: next.blockedUntil, freed: row.freed + 1 }
}

/** Whether a config says something else of a limit than its row. */
export function differsFromConfig(row: Limit, limits: Limits, now: number): boolean {
  const { limit, window } = applyLimitConfig(row, limits, now)
  return limit !== row.limit || window?.per !== row.window?.per || window?.timeZone !== row.window?.timeZone
}
