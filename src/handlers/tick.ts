import { applyLimits } from '../engine/apply-limits.ts'
import { auditOpenRuns } from '../engine/audit.ts'
import { tick } from '../engine/tick.ts'
import type { Home } from '../project/home.ts'
import { budgetUse, oldestRunHours } from './measures.ts'

/** What a tick does beside the engine. */
export interface TickParts {
  home: Home
  /** Launches containers that are missing. */
  wake(): Promise<void>
  /** Keeps how budgets stand, and once an hour how old the oldest open run is and how many records had to be repaired. */
  keep(measures: { budgets: { [name: string]: number }; oldestRunHours?: number; repaired?: number }): void
}

/** Minute of the hour in which open runs are audited. */
const AUDIT_MINUTE = 17

/** Brings what is due; once an hour it derives again what open runs are owed. */
export function createTick({ home, wake, keep }: TickParts) {
  return async (): Promise<void> => {
    const isHourly = new Date(home.context.ports.clock.now()).getUTCMinutes() === AUDIT_MINUTE
    await applyLimits(home.context)
    await tick(home.context)
    const repaired = isHourly ? await auditOpenRuns(home.context) : 0
    await wake()
    keep({
      budgets: await budgetUse(home),
      ...(isHourly ? { oldestRunHours: await oldestRunHours(home), repaired } : {}),
    })
  }
}
