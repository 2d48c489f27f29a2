import { auditOpenRuns } from '../engine/audit.ts'
import { tick } from '../engine/tick.ts'
import type { Home } from '../project/home.ts'

/** Minute of the hour in which open runs are audited. */
const AUDIT_MINUTE = 17

/** Brings what is due; once an hour it derives again what open runs are owed; launches containers that are missing. */
export function createTick(home: Home, wake: () => Promise<void>) {
  return async (): Promise<void> => {
    const { clock } = home.context.ports
    await tick(home.context)
    if (new Date(clock.now()).getUTCMinutes() === AUDIT_MINUTE) await auditOpenRuns(home.context)
    await wake()
  }
}
