import type { Span } from '../core/calendar.ts'
import type { Stored } from '../core/change.ts'
import { SluiceError } from '../core/errors.ts'
import { keys } from '../core/keys.ts'
import { readClockMoment } from '../core/moment.ts'
import type { OpenInterval, ScheduleRecord } from '../core/records/run.ts'
import { isRunOpen, type RunStatus } from '../core/records/status.ts'
import {
  addEndedIntervals,
  recordIntervalFailure,
  recordRunEnds,
  type ScheduleRule,
  selectIntervalsToStart,
} from '../core/schedule.ts'
import type { Context } from './context.ts'

/** An interval that could not be started, and why. */
export interface UnstartedInterval {
  span: Span
  error: SluiceError
}

/** Opens or joins the run of an interval, see {@link RunRequest.schedule}; undefined if it is complete already. */
export type StartInterval = (interval: OpenInterval) => Promise<string | undefined>

/**
 * Looks at the schedule of one pipeline: accounts for intervals that have ended, and starts what is missing, oldest
 * first. After a crash between a start and its note the next look finds the same run, even if it has ended by then, so
 * an interval that a person has cancelled is not started again. Returns the intervals that could not be started; they count as
 * failed, and are tried again like those whose runs failed. `start` comes from `control/run-dev.ts` on one machine, and from
 * `homes/aws/handlers/schedule.ts` on AWS.
 */
export async function tickSchedule(
  context: Context,
  pipeline: string,
  rule: ScheduleRule,
  start: StartInterval,
): Promise<UnstartedInterval[]> {
  const { clock } = context.ports
  const stored = await readSchedule(context, pipeline)
  const { now, steady } = readClockMoment(clock)
  const ended = await readEndedRuns(context, stored)
  const looked = addEndedIntervals(recordRunEnds(stored, ended, steady), rule, now)
  const started = new Map<OpenInterval, string | undefined>()
  const failed = new Map<OpenInterval, SluiceError>()
  for (const interval of selectIntervalsToStart(looked, rule, steady))
    try {
      started.set(interval, await start(interval))
    } catch (error) {
      // What is wrong with one interval's parameters or plan does not hold up those after it.
      if (!(error instanceof SluiceError) || error.source !== 'user') throw error
      failed.set(interval, error)
    }
  const open = looked.open.flatMap((each) =>
    failed.has(each) ? [recordIntervalFailure(each, steady)] : noteStartedRuns(each, started),
  )
  const next = { ...looked, open }
  if (JSON.stringify(next) !== JSON.stringify(stored)) await writeSchedule(context, stored, next)
  return [...failed].map(([{ start, end }, error]) => ({ span: { start, end }, error }))
}

function noteStartedRuns(each: OpenInterval, started: Map<OpenInterval, string | undefined>): OpenInterval[] {
  if (!started.has(each)) return [each]
  const run = started.get(each)
  const { retryAt: _, ...rest } = each
  return run === undefined ? [] : [{ ...rest, run }]
}

/** Where a pipeline's schedule stands; a schedule that was never seen is paused. */
export async function readSchedule({ ports }: Context, pipeline: string): Promise<Stored<ScheduleRecord>> {
  const [record] = await ports.store.read([keys.schedule(pipeline)])
  return (
    record ?? { kind: 'schedule', pipeline, paused: true, cursor: ports.clock.now(), open: [], version: 0 }
  )
}

/** Stops a schedule from starting runs, or lets it go on from where it was; its first time it begins now. */
export async function setSchedulePaused(context: Context, pipeline: string, paused: boolean): Promise<void> {
  for (;;) {
    const stored = await readSchedule(context, pipeline)
    const now = context.ports.clock.now()
    const isFirst = !paused && stored.since === undefined
    const next = { ...stored, paused, ...(isFirst ? { since: now, cursor: now } : {}) }
    if (await writeSchedule(context, stored, next)) return
  }
}

/** False if another process has changed it meanwhile. */
async function writeSchedule(
  { ports }: Context,
  { version, pipeline }: Stored<ScheduleRecord>,
  { version: _, ...next }: ScheduleRecord & { version?: number },
): Promise<boolean> {
  const result = await ports.store.write([
    { key: keys.schedule(pipeline), put: next, if: version === 0 ? 'absent' : { version } },
  ])
  return result.ok
}

async function readEndedRuns({ ports }: Context, { open }: ScheduleRecord): Promise<Map<string, RunStatus>> {
  const ids = open.flatMap(({ run }) => run ?? [])
  const records = await ports.store.read(ids.map(keys.run))
  const ended = new Map<string, RunStatus>()
  ids.forEach((id, index) => {
    const status = records[index]?.status ?? 'cancelled'
    if (!isRunOpen(status)) ended.set(id, status)
  })
  return ended
}
