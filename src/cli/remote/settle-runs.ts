import { setTimeout as sleep } from 'node:timers/promises'
import type { Home } from '../../control/home.ts'
import { allRuns } from '../../control/inspect.ts'
import { SluiceError } from '../../core/errors.ts'
import { isOpen, type Run } from '../../core/model.ts'
import { readSchedule } from '../../engine/schedules.ts'
import type { Project } from '../../project/load-config.ts'
import type { Api } from './client.ts'

/** What settling runs looks at and does. */
export interface SettleParts {
  home: Home
  api: Api
  project: Project
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
 * Has no run open any more: refuses where some are and nothing was said about them, else stops the schedules, and
 * cancels or waits. Returns what lets the schedules go on, where the deployment stays after all.
 */
export async function settleRuns(
  parts: SettleParts,
  { cancel, wait }: SettleOptions,
): Promise<() => Promise<void>> {
  const { home, api, say } = parts
  const open = await openRuns(home)
  if (open.length > 0 && cancel === undefined && wait === undefined) throw refusal(open)
  const resume = await pauseSchedules(parts)
  try {
    if (cancel)
      for (const { id } of await openRuns(home)) await api.post(`/runs/${encodeURIComponent(id)}/cancel`)
    if (open.length > 0) say(`Waiting for ${open.length} open runs to end.`)
    await untilEnded(parts, wait ?? CANCEL_MS)
    return resume
  } catch (error) {
    await resume()
    throw error
  }
}

const openRuns = async (home: Home): Promise<Run[]> =>
  (await allRuns(home)).filter(({ status }) => isOpen(status))

function refusal(open: Run[]): SluiceError {
  const names = open.slice(0, NAMED).map(({ id }) => id)
  const more = open.length > NAMED ? ` and ${open.length - NAMED} more` : ''
  return new SluiceError('invalid_usage', `Runs are open: ${names.join(', ')}${more}. Nothing was changed.`, {
    hint: 'Wait for them (--wait 1h) or cancel them (--cancel).',
  })
}

/** A schedule would start the next run meanwhile. */
async function pauseSchedules({ home, api, project, say }: SettleParts): Promise<() => Promise<void>> {
  const stopped: string[] = []
  for (const { name, schedule } of project.pipelines.values()) {
    if (schedule === undefined) continue
    const { paused } = await readSchedule(home.context, name)
    if (paused) continue
    await api.post(`/pipelines/${name}/pause`)
    stopped.push(name)
  }
  if (stopped.length > 0) say(`Stopped the schedules of ${stopped.join(', ')}.`)
  return async () => {
    for (const name of stopped) await api.post(`/pipelines/${name}/resume`)
    if (stopped.length > 0) say(`The schedules of ${stopped.join(', ')} go on.`)
  }
}

async function untilEnded({ home, lookMs = LOOK_MS }: SettleParts, waitMs: number): Promise<void> {
  const until = Date.now() + waitMs
  for (let open = await openRuns(home); open.length > 0; open = await openRuns(home)) {
    if (Date.now() > until) throw refusal(open)
    await sleep(lookMs)
  }
}
