import { type GovernorLimits, makeGovernor, shrinkGovernor, takeLaunchToken } from '../core/governor.ts'
import { keys } from '../core/keys.ts'
import type { Governor } from '../core/records/launch.ts'
import type { Context } from './context.ts'
import { waitAfterLostRace } from './races.ts'

/* The governor of the account in its record: all launchers take from one bucket, whose rules are in core/governor.ts. */

/** Takes one launch: `waitMs` from now on it may begin; if it is not taken, to be asked again then. */
export async function takeLaunch(
  context: Context,
  limits: GovernorLimits,
): Promise<{ isTaken: boolean; waitMs: number }> {
  const taken = { isTaken: false, waitMs: 0 }
  await updateGovernor(context, limits, (row, steady) => {
    const { governor, waitMs } = takeLaunchToken(row, limits, steady)
    Object.assign(taken, { isTaken: governor !== undefined, waitMs })
    return governor
  })
  return taken
}

/** The service has throttled: all launchers are slower from now on. */
export const slowLaunchesDown = (context: Context, limits: GovernorLimits): Promise<void> =>
  updateGovernor(context, limits, (row, steady) => shrinkGovernor(row, limits, steady))

async function updateGovernor(
  { ports }: Context,
  limits: GovernorLimits,
  decide: (row: Governor, steady: number) => Governor | undefined,
): Promise<void> {
  const key = keys.governor
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
