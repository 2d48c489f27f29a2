import { mustWaitForLimit } from './limit-row.ts'
import type { Need } from './limits.ts'
import type { PlannedTask } from './plan.ts'
import type { Limit, Lock } from './records/lock-and-limit.ts'
import type { Run } from './records/run.ts'
import { hasTaskEnded } from './records/status.ts'
import { formatHolderName, type TaskRun } from './records/task-run.ts'

/*
 * The one place that decides whether an attempt may start. The engine's claim acts on the first hindrance; `sluice why`
 * prints them all. Invariants:
 * 1. The decision is a function of the snapshot and the instant: nothing is read here.
 * 2. The order is the order in which a claim acts: what costs a write comes after what does not.
 * 3. A target is looked at only when nothing delays the attempt, because the look asks user code.
 */

/** A limit that the attempt needs, and its row as it stands now. */
export interface NeededLimit {
  need: Need
  now: Limit
  /** Whether the task comes before all who wait for it: then it need not queue behind them. */
  isFirst?: boolean
}

/** What the claim of an attempt is decided by, read together. */
export interface ClaimSnapshot<L extends NeededLimit = NeededLimit> {
  run: Pick<Run, 'cancelledAt' | 'plannedAt'>
  task: TaskRun
  planned: Pick<PlannedTask, 'forced' | 'policy'>
  lock: Lock | undefined
  /** In the order in which the task waits for them. */
  limits: readonly L[]
  /** The first of its targets that another task makes now. */
  lostTarget?: string | undefined
  /** The attempt of a task that made one of its targets before and still runs. */
  earlierMaker?: string | undefined
  /** A family, of the task or of what it reads, that this process does not define. */
  undefinedFamily?: string | undefined
  /** Whether its targets are there; absent before a look at them. */
  isComplete?: boolean
}

/** One reason that an attempt does not start now. Instants are by the steady clock, in milliseconds. */
export type Hindrance<L extends NeededLimit = NeededLimit> =
  | { kind: 'run_cancelled' }
  | { kind: 'family_undefined'; family: string }
  | { kind: 'delayed'; until: number }
  | { kind: 'backed_off'; until: number }
  /** Another task has been planned to make this target since: two of them would write it. */
  | { kind: 'target_lost'; uri: string }
  /** This attempt of another task that made one of its targets before still runs. */
  | { kind: 'earlier_maker_runs'; holder: string }
  /** Its targets may have been made since it was planned: that has to be looked at before anything else. */
  | { kind: 'target_unknown' }
  | { kind: 'target_there' }
  | { kind: 'target_awaited' }
  | { kind: 'lock_held'; holder: string }
  | { kind: 'limit_reached'; limit: L }

/** How far the last end of an attempt may lie before a run's planning and still be looked at: 5 minutes of skew. */
export const PLANNING_SKEW_MS = 5 * 60_000

/** Everything that holds an attempt back at an instant of the steady clock, in the order in which a claim acts. Empty: it may run. */
export function decideClaim<L extends NeededLimit>(
  snapshot: ClaimSnapshot<L>,
  steady: number,
): Hindrance<L>[] {
  const { run, undefinedFamily } = snapshot
  const hindrances: Hindrance<L>[] = []
  if (run.cancelledAt !== undefined) hindrances.push({ kind: 'run_cancelled' })
  if (undefinedFamily !== undefined) hindrances.push({ kind: 'family_undefined', family: undefinedFamily })
  addDelays(hindrances, snapshot, steady)
  addMakers(hindrances, snapshot)
  addTarget(hindrances, snapshot)
  addHolders(hindrances, snapshot)
  return hindrances
}

function addDelays(hindrances: Hindrance[], { task, lock }: ClaimSnapshot, steady: number): void {
  const { notBefore = 0 } = task
  const backoffUntil = lock?.backoffUntil ?? 0
  if (notBefore > steady) hindrances.push({ kind: 'delayed', until: notBefore })
  // The back-off of its own failure is its delay as well.
  if (backoffUntil > steady && backoffUntil !== notBefore)
    hindrances.push({ kind: 'backed_off', until: backoffUntil })
}

function addMakers(hindrances: Hindrance[], { lostTarget, earlierMaker }: ClaimSnapshot): void {
  if (lostTarget !== undefined) hindrances.push({ kind: 'target_lost', uri: lostTarget })
  if (earlierMaker !== undefined) hindrances.push({ kind: 'earlier_maker_runs', holder: earlierMaker })
}

function addTarget(hindrances: Hindrance[], snapshot: ClaimSnapshot): void {
  const { isComplete, planned } = snapshot
  if (isComplete === undefined && mayBeComplete(snapshot)) hindrances.push({ kind: 'target_unknown' })
  if (isComplete) hindrances.push({ kind: 'target_there' })
  else if (planned.policy.external) hindrances.push({ kind: 'target_awaited' })
}

function addHolders<L extends NeededLimit>(
  hindrances: Hindrance<L>[],
  { task, lock, limits }: ClaimSnapshot<L>,
): void {
  if (lock?.holder !== undefined && !hasHolderEnded(lock.holder, task))
    hindrances.push({ kind: 'lock_held', holder: lock.holder })
  const holder = formatHolderName(task)
  for (const limit of limits)
    if (mustWaitForLimit(limit.now, { holder, weight: limit.need.weight, isFirst: limit.isFirst }))
      hindrances.push({ kind: 'limit_reached', limit })
}

/**
 * Whether the target may be there although planning did not see it: an attempt of another run may have succeeded since.
 * What an attempt left that did not succeed proves nothing, so that the task runs again.
 */
function mayBeComplete({ run, task, planned, lock }: ClaimSnapshot): boolean {
  if (planned.forced) return false
  if (planned.policy.external) return true
  const isFree = lock?.holder === undefined || hasHolderEnded(lock.holder, task)
  if (lock?.unproven && isFree) return false
  const isMadeSince = lock?.lastEndAt !== undefined && lock.lastEndAt > run.plannedAt - PLANNING_SKEW_MS
  return isMadeSince || task.attempt > 1
}

/**
 * Whether the holder of a lock is an attempt of this task run that is over. The task run may have been read before its
 * next attempt took the lock, so the attempt's number decides.
 */
export function hasHolderEnded(holder: string, task: TaskRun): boolean {
  const prefix = `${task.run}/${task.number}/`
  if (!holder.startsWith(prefix)) return false
  const attempt = Number(holder.slice(prefix.length))
  return attempt < task.attempt || (attempt === task.attempt && hasTaskEnded(task.status))
}
