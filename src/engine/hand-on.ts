import type { Fields, Stored } from '../core/change.ts'
import { decideClaim } from '../core/claim.ts'
import { keys } from '../core/keys.ts'
import type { PlannedTask } from '../core/plan.ts'
import type { TaskRun } from '../core/records/task-run.ts'
import { settleTaskRun } from '../core/settle.ts'
import { type ClaimedAttempt, takeAttempt } from './claim.ts'
import { readClaimSnapshot } from './claim-snapshot.ts'
import { type Context, readStaleRecords, updateRecord } from './context.ts'
import { readCachedOpenRun } from './open-run-cache.ts'
import { isUndecidableError } from './undecidable.ts'

/*
 * Handing on: the worker that has ended an attempt goes on with what became ready by that, without waiting for the feed. The worker
 * tells it of each success; it owns no record. Invariants:
 * 1. It writes what the feed's handler or a claim would write, on condition of the version that was read. What is held back by
 *    anything, or has changed meanwhile, it leaves to the feed.
 * 2. It sends nothing and notes nothing: the feed handles the end as if nothing had been handed on, and finds its bits set. So it may
 *    be cut between any two effects, or be left out.
 * 3. A task goes on from `pending` to `running` in the one write of its claim, which sets the last of its bits. It never is `queued`,
 *    so there is no message of it, and no event.
 */

/** A task with more dependents, or a dependent with more upstreams, is left to the feed, which sets bits of many in one write. */
const MOST = 10

/** How a worker goes on with what its attempts make ready. */
export interface HandOnOptions {
  /** No further attempt is begun so long after the first one was claimed: others have their turn then. */
  forMs: number
  /** Whether this worker may run the task. */
  mayRun(planned: PlannedTask, task: TaskRun): boolean
}

/** A task run that becomes ready by an end. */
interface ReadyTask {
  task: Stored<TaskRun>
  planned: PlannedTask
  /** Its bit for the task that has ended. */
  bit: number
}

/**
 * Queues the tasks that became ready by this success, but for the first that `mayRun` accepts: its attempt is claimed and returned.
 * What cannot be decided is left to the feed, which ends the run with the reason.
 */
export async function handOn(
  context: Context,
  ended: Pick<ClaimedAttempt, 'task' | 'planned'>,
  mayRun: HandOnOptions['mayRun'],
): Promise<ClaimedAttempt | undefined> {
  try {
    const ready = await readReadyDependents(context, ended)
    const chosen = ready.find(({ planned, task }) => mayRun(planned, task))
    for (const each of ready) if (each !== chosen) await queueReadyTask(context, each)
    return chosen && (await claimReadyTask(context, chosen))
  } catch (error) {
    if (!isUndecidableError(error)) throw error
    return undefined
  }
}

/** The dependents that waited for nothing else, the most urgent first. */
async function readReadyDependents(
  { ports }: Context,
  { task: { run }, planned }: Pick<ClaimedAttempt, 'task' | 'planned'>,
): Promise<ReadyTask[]> {
  if (planned.dependents.length > MOST) return []
  const size = (await ports.plans.header(run))?.size
  const bits = new Map(planned.dependents.filter(([number]) => number !== size))
  const near = (await ports.plans.tasks(run, [...bits.keys()])).filter(
    ({ join, upstreams }) => !join && upstreams.length <= MOST,
  )
  if (near.length === 0) return []
  const records = await readStaleRecords(
    ports.store,
    near.map(({ number }) => keys.taskRun(run, number)),
  )
  const found = near.flatMap((dependent, index): ReadyTask[] => {
    const [task, bit] = [records[index], bits.get(dependent.number)]
    return task === undefined || bit === undefined ? [] : [{ task, planned: dependent, bit }]
  })
  const ready = found.filter(({ task, bit }) => settleReadyTask(task, bit, 0) !== undefined)
  return ready.sort((a, b) => b.task.priority - a.task.priority)
}

/** What to set on a pending task for which this bit is the last; undefined for all others. */
function settleReadyTask(task: TaskRun, bit: number, now: number): Fields<TaskRun> | undefined {
  if (task.status !== 'pending') return undefined
  const settled = settleTaskRun(task, [{ bit, satisfied: true }], now)
  return settled?.status === 'queued' ? settled : undefined
}

const queueReadyTask = ({ ports }: Context, { task, bit }: ReadyTask): Promise<void> =>
  updateRecord(ports.store, keys.taskRun(task.run, task.number), task, (current) =>
    settleReadyTask(current, bit, ports.clock.now()),
  )

/** Claims the attempt if nothing holds it back; otherwise queues its task. */
async function claimReadyTask(context: Context, ready: ReadyTask): Promise<ClaimedAttempt | undefined> {
  const { task, planned, bit } = ready
  const { clock, random } = context.ports
  const set = settleReadyTask(task, bit, clock.now())
  const run = await readCachedOpenRun(context.ports, task.run)
  if (set === undefined || run === undefined) return undefined
  const snapshot = await readClaimSnapshot(context, run, { ...task, ...set }, planned)
  if (decideClaim(snapshot, clock.steady()).length > 0) {
    await queueReadyTask(context, ready)
    return undefined
  }
  const { version } = task
  const result = await takeAttempt(context, snapshot, random.nonce(), {
    set,
    if: { status: 'pending', version },
  })
  return result !== 'race' && result.is === 'ours' ? result.claimed : undefined
}
