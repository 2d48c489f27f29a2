import { setTimeout as sleep } from 'node:timers/promises'
import type { Control, RunShape } from '../../control/control.ts'
import { SluiceError } from '../../core/errors.ts'
import { readNewestRuns } from '../read-pages.ts'

/** What settling runs asks and says. */
export interface SettleParts {
  control: Control
  say(line: string): void
  /** How often it looks whether they have ended. @default 2000 */
  lookMs?: number
}

/** What becomes of open runs. */
export interface SettleOptions {
  cancel?: true
  /** In milliseconds. */
  wait?: number
}

/** Cancelled bodies get so long to end. */
const CANCEL_MS = 5 * 60_000
const LOOK_MS = 2_000
const NAMED = 10

/**
 * Has no run open any more: refuses if some are and nothing was said about them, else stops the schedules, and
 * cancels or waits. Returns what lets the schedules go on, if the deployment stays after all.
 */
export async function settleOpenRuns(
  parts: SettleParts,
  { cancel, wait }: SettleOptions,
): Promise<() => Promise<void>> {
  const { control, say } = parts
  const open = await readOpenRuns(control)
  if (open.length > 0 && cancel === undefined && wait === undefined) throw makeOpenRunsError(open)
  const resume = await pauseSchedules(parts)
  try {
    if (cancel) await Promise.all((await readOpenRuns(control)).map(({ run }) => cancelOpen(control, run)))
    if (open.length > 0) say(`Waiting for ${open.length} open runs to end.`)
    await untilEnded(parts, wait ?? CANCEL_MS)
    return resume
  } catch (error) {
    await resume()
    throw error
  }
}

const readOpenRuns = async (control: Control): Promise<RunShape[]> =>
  (await readNewestRuns(control, { statuses: ['planning', 'running'] }, Number.POSITIVE_INFINITY)).runs

/** A run that has ended meanwhile needs no cancelling. */
async function cancelOpen(control: Control, run: string): Promise<void> {
  try {
    await control.cancel({ run })
  } catch (error) {
    if (!(error instanceof SluiceError) || error.code !== 'invalid_usage') throw error
  }
}

function makeOpenRunsError(open: RunShape[]): SluiceError {
  const names = open.slice(0, NAMED).map(({ run }) => run)
  const more = open.length > NAMED ? ` and ${open.length - NAMED} more` : ''
  return new SluiceError('invalid_usage', `Runs are open: ${names.join(', ')}${more}. Nothing was changed.`, {
    hint: 'Wait for them (--wait 1h) or cancel them (--cancel).',
  })
}

/** A schedule would start the next run meanwhile. */
async function pauseSchedules({ control, say }: SettleParts): Promise<() => Promise<void>> {
  const { pipelines } = await control.pipelines()
  const running = pipelines.filter(({ schedule }) => schedule?.paused === false).map(({ name }) => name)
  for (const pipeline of running) await control.pause({ pipeline })
  if (running.length > 0) say(`Stopped the schedules of ${running.join(', ')}.`)
  return async () => {
    for (const pipeline of running) await control.resume({ pipeline })
    if (running.length > 0) say(`The schedules of ${running.join(', ')} go on.`)
  }
}

async function untilEnded({ control, lookMs = LOOK_MS }: SettleParts, waitMs: number): Promise<void> {
  const until = Date.now() + waitMs
  for (let open = await readOpenRuns(control); open.length > 0; open = await readOpenRuns(control)) {
    if (Date.now() > until) throw makeOpenRunsError(open)
    await sleep(lookMs)
  }
}
