import type { Fields, Match, Stored } from '../core/change.ts'
import { decideClaim, type Hindrance } from '../core/claim.ts'
import { makeLaunchToken } from '../core/identity.ts'
import { keys } from '../core/keys.ts'
import { type Moment, readClockMoment } from '../core/moment.ts'
import type { PlannedTask } from '../core/plan.ts'
import type { Message } from '../core/ports/deciding.ts'
import type { Reservation } from '../core/ports/working.ts'
import type { Launch } from '../core/records/launch.ts'
import { type Checkpoint, formatHolderName, type TaskRun } from '../core/records/task-run.ts'
import {
  checkSnapshotTargets,
  isRootDefined,
  type ReadSnapshot,
  readClaimSnapshot,
  readPlannedTask,
  readPlannedUpstreams,
} from './claim-snapshot.ts'
import { type Context, LAUNCHER_MS } from './context.ts'
import { readYieldedDependencies } from './expand.ts'
import { giveBackReservations, type LimitRow, readTaskLimits, takeLimits } from './limits.ts'
import { readCachedOpenRun } from './open-run-cache.ts'
import { waitAfterLostRace } from './races.ts'
import { waitForLimit, waitForLock, waitForTarget } from './wait.ts'

/*
 * Claims: a message becomes an attempt that is ours, or goes. Workers call it with each message they take; what decides is
 * core/claim.ts. Invariants:
 * 1. One conditional write takes the task run, its lock and its limits, or nothing.
 * 2. A lost race is decided anew from what stands; it never makes a task wait.
 * 3. A repeated write of ours is recognised by the nonce: the attempt is still ours.
 */

/** An attempt that is ours to run. */
export interface ClaimedAttempt {
  task: Stored<TaskRun>
  planned: PlannedTask
  upstreams: PlannedTask[]
  /** What earlier attempts yielded. */
  dependencies: PlannedTask[]
  checkpoint?: Checkpoint['value']
  memoryMb?: number
  budgets: { [name: string]: Reservation }
  nonce: string
  /** What is in its targets proves nothing, so that it is replaced. */
  replaces?: true
}

/** What became of a message: ours to run, nothing to do (any more), not before a time, or for another worker. */
export type ClaimResult =
  | { is: 'ours'; claimed: ClaimedAttempt }
  | { is: 'settled' }
  | { is: 'early'; delayMs: number }
  /** This process does not define the task, or one that it reads from; nothing was written. */
  | { is: 'unfit'; family: string; isWholeRun: boolean }

const MAX_TRIES = 8
/** Another worker was on its way to the last place of the pool; the message is soon in line again, so that its turn comes. */
const FULL_MS = 50
/** Plans are corrected rarely, so the message of a new maker is looked at again instead of being woken. */
const EARLIER_MAKER_MS = 1_000

/**
 * Claims the attempt of a message in one atomic write that takes its lock and its limits as well.
 * Lost races are looked at afresh and never become `waiting`; a lock that another attempt holds, and a limit that is
 * used up, do.
 */
export async function claimAttempt(context: Context, message: Message): Promise<ClaimResult> {
  const nonce = context.ports.random.nonce()
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const result = await tryClaim(context, message, nonce)
    if (result !== 'race') return result
    await waitAfterLostRace(context.ports, tries)
  }
  return { is: 'early', delayMs: 1_000 }
}

async function tryClaim(context: Context, message: Message, nonce: string): Promise<ClaimResult | 'race'> {
  const { store } = context.ports
  const [task] = await store.read([keys.taskRun(message.run, message.number)])
  const isOurs = task?.nonce === nonce
  const isQueued = task?.status === 'queued' && task.attempt === message.attempt
  if (task === undefined || !(isOurs || isQueued)) return { is: 'settled' }
  const planned = await readPlannedTask(context, message)
  // Its own claim has marked the lock, so whether the target was believed before is not known any more.
  if (isOurs) return asOurs(readClaimedAttempt(context, task, planned, { nonce, replaces: true }))
  const run = await readCachedOpenRun(context.ports, message.run)
  if (run === undefined) return { is: 'settled' }
  return actOnHindrances(context, await readClaimSnapshot(context, run, task, planned), nonce)
}

type Snapshot = ReadSnapshot<Stored<TaskRun>>

/** Does what the first hindrance asks for, or takes the attempt if nothing holds it back. */
async function actOnHindrances(
  context: Context,
  snapshot: Snapshot,
  nonce: string,
): Promise<ClaimResult | 'race'> {
  const { run, task, planned, limits: rows } = snapshot
  const steady = context.ports.clock.steady()
  const hindrances = decideClaim(snapshot, steady)
  const [first] = hindrances
  switch (first?.kind) {
    case undefined:
      return takeAttempt(context, snapshot, nonce)
    case 'run_cancelled':
      return { is: 'settled' }
    case 'family_undefined':
      return { is: 'unfit', family: first.family, isWholeRun: !(await isRootDefined(context, run.id)) }
    case 'delayed':
    case 'backed_off':
      return { is: 'early', delayMs: findEndOfDelays(hindrances) - steady }
    case 'target_lost':
      return endForOtherMaker(context, task, first.uri, rows)
    case 'earlier_maker_runs':
      return { is: 'early', delayMs: EARLIER_MAKER_MS }
    case 'target_unknown':
      return actOnHindrances(context, await checkSnapshotTargets(context, snapshot), nonce)
    case 'target_there':
      return endAsComplete(context, task, rows)
    case 'target_awaited':
      return waitForTarget(context, task, planned)
    case 'lock_held':
      return waitForLock(context, task, { holder: first.holder, rows, nonce })
    case 'limit_reached':
      if (first.limit.need.of === 'pool') return { is: 'early', delayMs: FULL_MS }
      return waitForLimit(context, task, { lacking: first.limit, rows, nonce })
  }
}

/** When the last of the delays is over. */
function findEndOfDelays(hindrances: Hindrance[]): number {
  const ends = hindrances.flatMap((each) => ('until' in each ? [each.until] : []))
  return ends.reduce((last, end) => Math.max(last, end))
}

/** Writes a task run that needs no attempt. */
const endAsComplete = (context: Context, task: Stored<TaskRun>, rows: readonly LimitRow[]) =>
  endWithoutAttempt(context, task, rows, { status: 'complete' })

/** Fails a task whose target another task has been planned to make since. */
function endForOtherMaker(context: Context, task: Stored<TaskRun>, uri: string, rows: readonly LimitRow[]) {
  const message = `another task makes ${uri} now: its definition, or the plan, was changed while this run was open`
  return endWithoutAttempt(context, task, rows, {
    status: 'failed',
    failure: { outcome: 'planning', message },
  })
}

/** Writes the end of a task run whose attempt does not begin, and gives back what was kept for it. */
async function endWithoutAttempt(
  { ports }: Context,
  task: Stored<TaskRun>,
  rows: readonly LimitRow[],
  end: Pick<TaskRun, 'status' | 'failure'>,
): Promise<ClaimResult | 'race'> {
  const moment = readClockMoment(ports.clock)
  const result = await ports.store.write([
    {
      key: keys.taskRun(task.run, task.number),
      set: { ...end, endedAt: moment.now },
      if: { status: 'queued', attempt: task.attempt },
    },
    ...giveBackReservations(rows, formatHolderName(task), moment),
  ])
  return result.ok ? { is: 'settled' } : 'race'
}

/**
 * Takes the attempt of a snapshot that nothing holds back. `from` is what the task run has to be like, and what is set on it beside
 * the claim. @default it is queued, and nothing else is set
 */
export async function takeAttempt(
  context: Context,
  { task, planned, upstreams, lock, limits: rows }: Snapshot,
  nonce: string,
  from: { set?: Fields<TaskRun>; if: Match<TaskRun> } = { if: { status: 'queued', attempt: task.attempt } },
): Promise<ClaimResult | 'race'> {
  const { ports, settings } = context
  const moment = readClockMoment(ports.clock)
  const startedAt = moment.now
  const holder = formatHolderName(task)
  const replaces = lock?.unproven === true
  const launch = makeIntent(context, { planned, holder, nonce, replaces }, moment)
  const leaseUntil = launch?.deadline ?? moment.steady + settings.leaseMs
  const set = {
    ...from.set,
    status: 'running' as const,
    nonce,
    worker: settings.worker,
    ...(settings.code === undefined ? {} : { code: settings.code }),
    startedAt,
    leaseUntil,
    // Of a job elsewhere more than the lease is looked at.
    dueAt: context.launching === undefined ? leaseUntil : moment.steady + context.launching.lookMs,
    notBefore: undefined,
    waitingSince: undefined,
    progress: undefined,
    times: undefined,
    usage: undefined,
    launch,
    ...(rows.length === 0 ? {} : { holds: true as const }),
  }
  const result = await ports.store.write([
    {
      key: keys.taskRun(task.run, task.number),
      set,
      if: from.if,
    },
    {
      key: keys.lock(task.taskId),
      set: {
        kind: 'lock',
        taskId: task.taskId,
        holder,
        failure: undefined,
        after: undefined,
        unproven: makeUnprovenMark(planned),
      },
      if: { holder: lock?.holder, lastEndAt: lock?.lastEndAt, lost: lock?.lost, after: lock?.after },
    },
    ...takeLimits(rows, holder, moment),
  ])
  if (result.ok)
    return asOurs(
      makeClaimedAttempt(context, { ...task, ...set, version: task.version + 1 }, planned, {
        nonce,
        rows,
        upstreams,
        replaces,
      }),
    )
  const stood = result.failures.find((each) => each.current?.kind === 'taskRun')?.current
  if (stood?.kind === 'taskRun' && stood.nonce === nonce)
    return asOurs(makeClaimedAttempt(context, stood, planned, { nonce, rows, upstreams, replaces: true }))
  return 'race'
}

/** What a launcher is about to launch; undefined for a worker, which runs the body itself. */
function makeIntent(
  { launching }: Context,
  {
    planned,
    holder,
    nonce,
    replaces,
  }: { planned: PlannedTask; holder: string; nonce: string; replaces: boolean },
  { now, steady }: Moment,
): Launch | undefined {
  if (launching === undefined) return undefined
  const place = launching.placeOf?.(planned)
  return {
    ...(place === undefined ? {} : { place }),
    token: makeLaunchToken(holder, nonce),
    deadline: steady + launching.startMs,
    // Who claims it launches it.
    busyUntil: steady + LAUNCHER_MS,
    times: { claimedAt: now },
    ...(replaces ? { replaces } : {}),
  }
}

/** A marker is written together with the success of its attempt, so that it always proves it. */
const makeUnprovenMark = ({ outputs }: PlannedTask) => (outputs.length === 0 ? undefined : true)

const asOurs = async (claimed: Promise<ClaimedAttempt>): Promise<ClaimResult> => ({
  is: 'ours',
  claimed: await claimed,
})

/** An attempt that was claimed before, for the process that has its nonce and goes on with it. */
export const readClaimedAttempt = async (
  context: Context,
  task: Stored<TaskRun>,
  planned: PlannedTask,
  parts: { nonce: string; replaces: boolean },
): Promise<ClaimedAttempt> =>
  makeClaimedAttempt(context, task, planned, {
    ...parts,
    rows: await readTaskLimits(context, planned),
    upstreams: await readPlannedUpstreams(context, task.run, planned),
  })

/** What is read of an attempt before it is known to be ours. */
interface ClaimParts {
  nonce: string
  rows: readonly LimitRow[]
  upstreams: PlannedTask[]
  replaces: boolean
}

async function makeClaimedAttempt(
  context: Context,
  task: Stored<TaskRun>,
  planned: PlannedTask,
  { nonce, rows, upstreams, replaces }: ClaimParts,
): Promise<ClaimedAttempt> {
  const { store } = context.ports
  const dependencies = await readYieldedDependencies(context, task)
  const memoryMb = task.memoryMb ?? planned.policy.memoryMb
  // Only what ended an attempt before leaves a checkpoint.
  const [checkpoint] = task.attempt === 1 ? [] : await store.read([keys.checkpoint(task.run, task.number)])
  return {
    task,
    planned,
    upstreams,
    dependencies,
    budgets: listReservations(rows),
    nonce,
    ...(replaces ? { replaces: true as const } : {}),
    ...(memoryMb === undefined ? {} : { memoryMb }),
    ...(checkpoint === undefined ? {} : { checkpoint: checkpoint.value }),
  }
}

function listReservations(rows: readonly LimitRow[]): ClaimedAttempt['budgets'] {
  return Object.fromEntries(
    rows.flatMap(({ need, now: { window } }) =>
      window === undefined ? [] : [[need.name, { amount: need.weight, endsAt: window.endsAt }]],
    ),
  )
}
