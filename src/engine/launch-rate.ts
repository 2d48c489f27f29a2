import {
  type GovernorLimits,
  type LaunchTurn,
  makeGovernor,
  shrinkGovernor,
  takeLaunchToken,
} from '../core/governor.ts'
import { keys } from '../core/keys.ts'
import type { Governor } from '../core/records/launch.ts'
import type { Context } from './context.ts'
import { waitAfterLostRace } from './races.ts'

/* The governor of the account in its record: all launchers take from one bucket, whose rules are in core/governor.ts. */

/** What the governor works with. */
export type GovernorContext = Pick<Context, 'onLaunchTrouble'> & {
  ports: Pick<Context['ports'], 'store' | 'clock' | 'random'>
}

/** Takes launches, one if nothing else is said: `waitMs` from now on all may begin; if none is taken, to be asked again then. */
export async function takeLaunch(
  context: GovernorContext,
  limits: GovernorLimits,
  turn: LaunchTurn = {},
): Promise<{ isTaken: boolean; waitMs: number }> {
  const taken = { isTaken: false, waitMs: 0 }
  await updateGovernor(context, limits, (row, steady) => {
    const { governor, waitMs } = takeLaunchToken(row, limits, steady, turn)
    Object.assign(taken, { isTaken: governor !== undefined, waitMs })
    return governor
  })
  return taken
}

/** The service has throttled: all launchers are slower from now on. */
export function slowLaunchesDown(context: GovernorContext, limits: GovernorLimits): Promise<void> {
  context.onLaunchTrouble?.()
  return updateGovernor(context, limits, (row, steady) => shrinkGovernor(row, limits, steady))
}

async function updateGovernor(
  { ports }: GovernorContext,
  limits: GovernorLimits,
  decide: (row: Governor, steady: number) => Governor | undefined,
): Promise<void> {
  const key = keys.governor(limits.bucket)
  for (let tries = 0; ; tries++) {
    const [stored] = await ports.store.read([key])
    const steady = ports.clock.steady()
    const { version, ...row } = stored ?? { ...makeGovernor(limits, steady), version: 0 }
    const put = decide(row, steady)
    if (put === undefined) return
    const result = await ports.store.write([{ key, put, if: stored === undefined ? 'absent' : { version } }])
    if (result.ok) return
    await waitAfterLostRace(ports, tries)
  }
}
