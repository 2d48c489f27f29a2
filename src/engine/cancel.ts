import type { Fields, Stored } from '../core/change.ts'
import { type Key, keys } from '../core/keys.ts'
import { type Moment, readClockMoment } from '../core/moment.ts'
import type { Actor } from '../core/records/actor.ts'
import type { Run } from '../core/records/run.ts'
import { hasTaskEnded, isRunOpen } from '../core/records/status.ts'
import { type Context, writeChangesSingly } from './context.ts'
import { refreshAwaitedLimits } from './limit-waiters.ts'
import { releaseNextTasks } from './release.ts'

const PAGE = 500
const AGAIN_MS = 1_000

/**
 * Whether a retry of a run has to cancel it first: no bit of a run is ever unset, so what has failed in an open run can
 * succeed only in the next one. Any other open run is joined.
 */
export const mustCancelBeforeRetry = ({ status }: Run, failedTasks: number): boolean =>
  isRunOpen(status) && failedTasks > 0

/** Marks a run as cancelled; true if it was still open. Its sweep comes through the feed. */
export async function cancelRun({ ports }: Context, run: Stored<Run>, by?: Actor): Promise<boolean> {
  if (!isRunOpen(run.status)) return false
  const now = ports.clock.now()
  // The first one to cancel it stays named.
  const { cancelledAt = now, cancelledBy = by } = run.cancelledAt === undefined ? {} : run
  const cancelled: Fields<Run> = { cancelledAt, cancelledBy }
  const set: Fields<Run> =
    run.status === 'planning'
      ? { status: 'cancelled', ...cancelled, endedAt: now, dueAt: undefined }
      : cancelled
  const result = await ports.store.write([{ key: keys.run(run.id), set, if: { status: run.status } }])
  return result.ok
}

/**
 * Cancels all task runs that are not running, a page at a time: the note of how far it got brings the run back through the feed.
 * Ends the run once nothing runs, else passes again in a second. May be cut at any point and done again.
 */
export async function sweepCancelledRun(context: Context, run: Stored<Run>): Promise<void> {
  // First, everything has to be there.
  if (await releaseNextTasks(context, run)) return
  const { ports, settings } = context
  const { tasks = 0, swept = 0 } = run
  const to = Math.min(swept + (settings.page ?? PAGE), tasks)
  const page = Array.from({ length: to - swept }, (_, index) => keys.taskRun(run.id, swept + index))
  const left = (swept === 0 ? 0 : (run.leftRunning ?? 0)) + (await sweepPage(ports, page))
  const set =
    to < tasks
      ? { swept: to, leftRunning: left, dueAt: undefined }
      : decideAfterSweep(run, left, readClockMoment(ports.clock))
  await ports.store.write([{ key: keys.run(run.id), set, if: { status: 'running', swept: run.swept } }])
}

function decideAfterSweep({ failure }: Run, left: number, { now, steady }: Moment): Fields<Run> {
  const begun = { swept: undefined, leftRunning: undefined }
  if (left > 0) return { ...begun, dueAt: steady + AGAIN_MS }
  // One that could not be decided has failed, though its tasks are cancelled.
  const status = failure === undefined ? 'cancelled' : 'failed'
  return { ...begun, status, endedAt: now, dueAt: undefined }
}

/** How many tasks of the page can still move. */
async function sweepPage(ports: Context['ports'], page: Key<'task'>[]): Promise<number> {
  const now = ports.clock.now()
  const tasks = (await ports.store.read(page)).filter((each) => each !== undefined)
  const left = tasks.filter((task) => !hasTaskEnded(task.status))
  const still = left.filter((task) => task.status !== 'running')
  const results = await writeChangesSingly(
    ports.store,
    still.map((task) => ({
      key: keys.taskRun(task.run, task.number),
      set: { status: 'cancelled', endedAt: now, dueAt: undefined, waitsFor: undefined },
      if: { version: task.version },
    })),
  )
  await refreshAwaitedLimits(ports, still)
  return left.length - results.filter((result) => result.ok).length
}
