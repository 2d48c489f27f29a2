import { keys } from '../core/keys.ts'
import { hasTaskEnded } from '../core/records/status.ts'
import type { TaskRun } from '../core/records/task-run.ts'
import type { Home } from './home.ts'

const PAGE = 500
/** How often open runs are looked at: large ones have many tasks. */
const LOOK_MS = 2_000

/** Runs that are open at once, those that only wait included. */
const MOST_OPEN = 1_000

/**
 * How many of some runs may be open at once, if `maxActive` may work: one that only waits for targets from
 * outside of Sluice holds no place, or the first intervals whose input is late would hold up all others.
 */
export function makePlaceCounter(
  home: Home,
  maxActive: number,
): (open: readonly string[]) => Promise<number> {
  const { clock } = home.context.ports
  let lookedAt = Number.NEGATIVE_INFINITY
  let awaiting = new Set<string>()
  return async (all) => {
    if (all.length < maxActive) return maxActive
    if (clock.steady() - lookedAt >= LOOK_MS) {
      const answers = await Promise.all(all.map((run) => isOnlyAwaiting(home, run)))
      awaiting = new Set(all.filter((_, index) => answers[index]))
      lookedAt = clock.steady()
    }
    return Math.min(MOST_OPEN, maxActive + all.filter((run) => awaiting.has(run)).length)
  }
}

/** Whether whatever of a run can move waits for a target; what waits for its turn holds its place. */
async function isOnlyAwaiting({ context }: Home, run: string): Promise<boolean> {
  const { store } = context.ports
  let isAwaiting = false
  for (let after = ''; ; ) {
    const query = { prefix: keys.taskRuns(run), limit: PAGE, consistency: 'stale' as const }
    const page = await store.list(after === '' ? query : { ...query, after })
    const moving = page.map(({ record }) => record).filter(isTaskMoving)
    if (moving.some(({ waitsFor }) => waitsFor !== 'target')) return false
    isAwaiting ||= moving.length > 0
    if (page.length < PAGE) return isAwaiting
    after = page.at(-1)?.key ?? ''
  }
}

const isTaskMoving = ({ status }: TaskRun) =>
  !hasTaskEnded(status) && status !== 'pending' && status !== 'expanding'
