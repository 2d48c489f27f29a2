import type { Home } from '../../../control/home.ts'
import { throwAllErrors } from '../../../core/errors.ts'
import { applyConfiguredLimits } from '../../../engine/apply-limits.ts'
import { auditOpenRuns } from '../../../engine/audit.ts'
import { type LookServices, lookAtDueJobs, sweepUnownedJobs } from '../../../engine/launch-looks.ts'
import { tickDueRecords } from '../../../engine/tick.ts'
import { measureBudgetUse, measureFailedLaunches, measureOldestRunHours } from './measures.ts'

/** What a tick does beside the engine. */
export interface TickParts {
  home: Home
  /** Handles the records that `advance` could not handle. */
  repair(): Promise<void>
  /** Launches containers that are missing. */
  wake(): Promise<void>
  /** Pools of containers. */
  pools: string[]
  /** What runs jobs elsewhere; none: nothing is looked at. */
  services: LookServices
  /** Stops shells that are open for too long; how many. @default there are none */
  sweepShells?(): Promise<number>
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

/**
 * Brings what is due, and looks at jobs of which nothing was told. Once an hour, and when its event asks for it, it derives again
 * what open runs are owed, and stops jobs that no attempt owns.
 */
export function makeTickHandler({ home, repair, wake, pools, services, sweepShells, keep }: TickParts) {
  return async (event: TickEvent): Promise<void> => {
    const isHourly = new Date(home.context.ports.clock.now()).getUTCMinutes() === AUDIT_MINUTE
    const audits = isHourly || event.audit === true
    await applyConfiguredLimits(home.context)
    const hasJobs = Object.keys(services).length > 0
    const looked = await Promise.allSettled([hasJobs && lookAtDueJobs(home.context, services)])
    await tickDueRecords(home.context)
    const repaired = audits ? await auditOpenRuns(home.context) : 0
    if (audits) looked.push(...(await sweepJobs(home, services)), ...(await sweep(sweepShells)))
    looked.push(...(await Promise.allSettled([repair()])))
    await wake()
    keep({
      budgets: await measureBudgetUse(home),
      failedLaunches: await measureFailedLaunches(home, pools),
      ...(audits ? { oldestRunHours: await measureOldestRunHours(home), repaired } : {}),
    })
    // A service that does not answer must not hold up what else is due, but its alarm must hear of it.
    throwAllErrors(looked, 'some of what was due could not be done')
  }
}

async function sweep(sweepShells: TickParts['sweepShells']): Promise<PromiseSettledResult<void>[]> {
  const stopped = await Promise.allSettled([sweepShells?.() ?? 0])
  for (const each of stopped)
    if (each.status === 'fulfilled' && each.value > 0)
      console.error(`${each.value} shells were stopped whose time was over`)
  return stopped.map((each) => (each.status === 'rejected' ? each : { ...each, value: undefined }))
}

function sweepJobs({ context }: Home, services: LookServices): Promise<PromiseSettledResult<void>[]> {
  return Promise.allSettled(
    Object.values(services).map(async ({ launcher }) => {
      const stopped = await sweepUnownedJobs(context, launcher)
      if (stopped > 0) console.error(`${stopped} jobs were stopped that no attempt owns`)
    }),
  )
}
