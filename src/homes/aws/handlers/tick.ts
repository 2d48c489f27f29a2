import type { Home } from '../../../control/home.ts'
import { applyConfiguredLimits } from '../../../engine/apply-limits.ts'
import { auditOpenRuns } from '../../../engine/audit.ts'
import { tickDueRecords } from '../../../engine/tick.ts'
import { measureBudgetUse, measureFailedLaunches, measureOldestRunHours } from './measures.ts'

/** What a tick does beside the engine. */
export interface TickParts {
  home: Home
  /** Launches containers that are missing. */
  wake(): Promise<void>
  /** Pools of containers. */
  pools: string[]
  keep(measures: Measures): void
}

/** The event of a tick. The clock of the deployment sends an empty one. */
export interface TickEvent {
  /** Whether open runs are audited now. @default false: in minute 17 of each hour */
  audit?: boolean
}

/** What a tick measures; one that audits also how old the oldest open run is, and how many records had to be repaired. */
export interface Measures {
  /** How budgets stand, from 0 to 1. */
  budgets: { [name: string]: number }
  /** How often in a row containers did not start, of the pool with the most. */
  failedLaunches: number
  oldestRunHours?: number
  repaired?: number
}

/** Minute of the hour in which open runs are audited. */
const AUDIT_MINUTE = 17

/** Brings what is due. Once an hour, and when its event asks for it, it derives again what open runs are owed. */
export function makeTickHandler({ home, wake, pools, keep }: TickParts) {
  return async (event: TickEvent): Promise<void> => {
    const isHourly = new Date(home.context.ports.clock.now()).getUTCMinutes() === AUDIT_MINUTE
    const audits = isHourly || event.audit === true
    await applyConfiguredLimits(home.context)
    await tickDueRecords(home.context)
    const repaired = audits ? await auditOpenRuns(home.context) : 0
    await wake()
    keep({
      budgets: await measureBudgetUse(home),
      failedLaunches: await measureFailedLaunches(home, pools),
      ...(audits ? { oldestRunHours: await measureOldestRunHours(home), repaired } : {}),
    })
  }
}
