import type { FoundTask } from '../../core/graph.ts'
import { keys } from '../../core/keys.ts'
import { makeLimitRow } from '../../core/limit-row.ts'
import { findLimitProblems, type Limits, NO_LIMITS } from '../../core/limits.ts'
import type { Store } from '../../core/ports/deciding.ts'

/** Luigi's own rule: a resource that luigi.cfg does not name has one slot. */
const UNNAMED = 1

/** The limits of the config, with the resources that only luigi.cfg or the tasks name. */
export function addLuigiResources(
  limits: Limits,
  named: { [name: string]: number },
  found: readonly FoundTask[],
): { limits: Limits; added: Limits['resources'] } {
  const added: Limits['resources'] = {}
  for (const { policy } of found)
    for (const name of Object.keys(policy.resources ?? {}))
      if (limits.resources[name] === undefined)
        added[name] ??= { limit: Math.max(0, Math.floor(named[name] ?? UNNAMED)) }
  return { limits: { ...limits, resources: { ...limits.resources, ...added } }, added }
}

/** What tasks ask for that there is not, a sentence each; tasks of one policy are told once. */
export function findLuigiLimitProblems(found: readonly FoundTask[], limits: Limits): string[] {
  const seen = new Set<FoundTask['policy']>()
  return found.flatMap(({ policy, label, complete }) => {
    if (complete || seen.has(policy)) return []
    seen.add(policy)
    return findLimitProblems(policy, limits).map((problem) => `${label}: ${problem}`)
  })
}

/**
 * Writes the rows of resources that no config names: the rows decide, in every process on the state. A row whose limit is another
 * one now is changed.
 */
export async function writeLuigiResources(
  store: Pick<Store, 'read' | 'write'>,
  added: Limits['resources'],
  now: number,
): Promise<void> {
  const names = Object.keys(added)
  const rows = await store.read(names.map((name) => keys.limit('resource', name)))
  for (const [index, name] of names.entries()) {
    const row = rows[index]
    const limit = added[name]?.limit ?? 0
    if (row?.limit === limit) continue
    const known = row ?? makeLimitRow({ of: 'resource', name }, NO_LIMITS, now)
    // A lost race is another planner's row, or a claim's; the next plan looks again.
    await store.write([
      {
        key: keys.limit('resource', name),
        put: { ...known, limit, freed: known.freed + 1 },
        if: row === undefined ? 'absent' : { version: row.version },
      },
    ])
  }
}
