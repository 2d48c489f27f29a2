import { decideClaim, type Hindrance } from '../core/claim.ts'
import { type Key, keys } from '../core/keys.ts'
import { applyLimitConfig, computeFreeCapacity, sumHeldAmounts } from '../core/limit-row.ts'
import { readClockMoment, toWallClockInstant } from '../core/moment.ts'
import { DEFAULT_POOL, type PlannedTask } from '../core/plan.ts'
import type { Run } from '../core/records/run.ts'
import { hasTaskEnded } from '../core/records/status.ts'
import type { TaskRun } from '../core/records/task-run.ts'
import { differsFromConfig } from './apply-limits.ts'
import {
  checkSnapshotTargets,
  type ReadSnapshot,
  readClaimSnapshot,
  readPlannedTask,
} from './claim-snapshot.ts'
import type { Context } from './context.ts'
import type { LimitRow } from './limits.ts'

/** One reason that a task does not run now. */
export interface Reason {
  text: string
  /** When it ends by itself, if that is known. */
  until?: number
}

const NAMED = 10

/**
 * Whether an attempt of a task could start at this moment: it is queued, and the rules that decide name nothing that holds it back.
 * Then only its worker or the machine is slow.
 */
export async function canStartNow(context: Context, run: Run, task: TaskRun): Promise<boolean> {
  if (task.status !== 'queued') return false
  const planned = await readPlannedTask(context, task)
  if (context.settings.limits.pools[planned.policy.pool ?? DEFAULT_POOL] === undefined) return false
  const snapshot = await readClaimSnapshot(context, run, task, planned)
  // The claim looks at targets of which nothing is known.
  return decideClaim(snapshot, readClockMoment(context.ports.clock).steady).every(
    ({ kind }) => kind === 'target_unknown',
  )
}

/** Why a task does not run now: all reasons, the first one first, by the rules that decide. */
export async function explainWaitingTask(context: Context, run: Run, task: TaskRun): Promise<Reason[]> {
  if (hasTaskEnded(task.status)) return [{ text: `it has ended: ${task.status}${readFailureCause(task)}` }]
  const planned = await readPlannedTask(context, task)
  const cancelled = run.cancelledAt === undefined ? [] : [{ text: 'its run is being cancelled' }]
  switch (task.status) {
    case 'pending':
      return [...cancelled, ...(await explainOpenUpstreams(context, task, planned.upstreams, 'upstream'))]
    case 'expanding':
      return [
        ...cancelled,
        ...(await explainOpenUpstreams(context, task, task.yields?.slice(-1) ?? [], 'what it yielded')),
      ]
    case 'running':
      return [explainRunningTask(context, task)]
    default:
      if (task.waitsFor === 'capacity') return [...cancelled, explainMissingCapacity(context, task)]
      return explainHindrances(context, run, task, planned)
  }
}

/** The job of an attempt may have to be launched before it runs. */
function explainRunningTask({ ports }: Context, { attempt, launch }: TaskRun): Reason {
  if (launch === undefined || launch.alive) return { text: `it runs, as attempt ${attempt}` }
  const moment = readClockMoment(ports.clock)
  if (launch.handle !== undefined) return { text: `its job is launched, as attempt ${attempt}, and starts` }
  if (launch.launchAt === undefined || launch.launchAt <= moment.steady)
    return { text: `its job is being launched, as attempt ${attempt}` }
  return {
    text: `its job, attempt ${attempt}, waits for its turn among the launches of the account`,
    until: toWallClockInstant(launch.launchAt, moment),
  }
}

function explainMissingCapacity({ ports }: Context, { failure, dueAt }: TaskRun): Reason {
  const text = `there was no capacity for its job (${failure?.message}); it is tried again, and no attempt is used up`
  if (dueAt === undefined) return { text }
  return { text, until: toWallClockInstant(dueAt, readClockMoment(ports.clock)) }
}

const readFailureCause = ({ failure }: TaskRun) =>
  failure === undefined ? '' : `, because ${failure.message}`

/** Upstreams that have not ended; gathering nodes are looked through. */
async function explainOpenUpstreams(
  { ports }: Context,
  { run }: TaskRun,
  numbers: number[],
  what: string,
): Promise<Reason[]> {
  const open: string[] = []
  for (let level = numbers; level.length > 0; ) {
    const planned = await ports.plans.tasks(run, level)
    const records = await ports.store.read(level.map((number) => keys.taskRun(run, number)))
    const left = planned.filter((_, index) => !hasTaskEnded(records[index]?.status ?? 'pending'))
    open.push(
      ...planned.flatMap((task, index) =>
        task.join || !left.includes(task) ? [] : [`${task.label} (${records[index]?.status ?? 'pending'})`],
      ),
    )
    level = left.filter((task) => task.join).flatMap((task) => task.upstreams)
  }
  if (open.length === 0) return [{ text: `${what} has just ended; it is about to be queued` }]
  const more = open.length > NAMED ? ` and ${open.length - NAMED} more` : ''
  return [{ text: `${what} has not ended: ${open.slice(0, NAMED).join(', ')}${more}` }]
}

/** What {@link decideClaim} says, in its order, and what no claim can see: containers that do not start, a pool that is gone. */
async function explainHindrances(
  context: Context,
  run: Run,
  task: TaskRun,
  planned: PlannedTask,
): Promise<Reason[]> {
  const moment = readClockMoment(context.ports.clock)
  let snapshot = await readClaimSnapshot(context, run, task, planned)
  let found = decideClaim(snapshot, moment.steady)
  if (found.some(({ kind }) => kind === 'target_unknown')) {
    snapshot = await checkSnapshotTargets(context, snapshot)
    found = decideClaim(snapshot, moment.steady)
  }
  const reasons: Reason[] = []
  for (const each of found) reasons.push(await explainHindrance(context, snapshot, each))
  const pool = planned.policy.pool ?? DEFAULT_POOL
  reasons.push(...(await explainLaunches(context, pool)))
  if (context.settings.limits.pools[pool] === undefined)
    reasons.push({ text: `the config has no pool ${pool} any more, so no worker takes it` })
  if (reasons.length > 0) return reasons
  return [{ text: `nothing holds it back: it is queued in the pool ${pool} for the next worker of its run` }]
}

async function explainHindrance(
  context: Context,
  { task, planned }: ReadSnapshot,
  hindrance: Hindrance<LimitRow>,
): Promise<Reason> {
  const untilOnWall = (until: number) => toWallClockInstant(until, readClockMoment(context.ports.clock))
  switch (hindrance.kind) {
    case 'run_cancelled':
      return { text: 'its run is being cancelled' }
    case 'family_undefined':
      return {
        text: `this config does not define ${hindrance.family}: only a process whose config does can run it`,
      }
    case 'delayed':
      return {
        text: `its next attempt is delayed${readFailureCause(task)}`,
        until: untilOnWall(hindrance.until),
      }
    case 'backed_off':
      return {
        text: 'the same task has failed in another run and is delayed',
        until: untilOnWall(hindrance.until),
      }
    case 'target_lost':
      return { text: `another task makes ${hindrance.uri} now: it is about to fail` }
    case 'earlier_maker_runs':
      return {
        text: `a task that made its target before still runs: ${hindrance.holder} (run/number/attempt)`,
      }
    case 'target_unknown':
    case 'target_there':
      return { text: 'its target is there by now: it is about to be counted as complete' }
    case 'target_awaited':
      return explainAwaitedTarget(task, planned)
    case 'lock_held':
      return { text: `the same task runs elsewhere: ${hindrance.holder} (run/number/attempt)` }
    case 'limit_reached':
      return explainLackingLimit(context, task, hindrance.limit)
  }
}

/** Containers of the pool that do not start. */
async function explainLaunches({ ports }: Context, pool: string): Promise<Reason[]> {
  const [row] = await ports.store.read([keys.launches(pool)])
  if (row?.reason === undefined) return []
  const often = row.failures === 1 ? '' : ` (${row.failures} times in a row)`
  const text = `no container of the pool ${pool} starts${often}: ${row.reason}; the next is tried later`
  return [{ text, ...(row.notBefore === undefined ? {} : { until: row.notBefore }) }]
}

function explainAwaitedTarget(task: TaskRun, planned: PlannedTask): Reason {
  const { timeoutMs } = planned.policy
  const text =
    planned.outputs.length === 0
      ? 'what it stands for is not there yet; it is made outside of Sluice'
      : `its target is not there yet: ${planned.outputs.join(', ')}; it is made outside of Sluice`
  if (timeoutMs === undefined || task.waitingSince === undefined) return { text }
  return { text: `${text}, and without it the task fails`, until: task.waitingSince + timeoutMs }
}

async function explainLackingLimit(
  context: Context,
  task: TaskRun,
  { need, now: row }: LimitRow,
): Promise<Reason> {
  const place = await findPlaceInLine(context, task, need.key)
  const line = `${place === undefined ? '' : `; it is number ${place} of those who wait`}${describeLimitDifference(context, row, need.weight)}`
  const { weight, name } = need
  switch (need.of) {
    case 'pool':
      return { text: `the pool ${name} is full: ${sumHeldAmounts(row)} of ${row.limit} places are taken` }
    case 'resource':
      return {
        text: `it needs ${weight} of the resource ${name}, of which ${Math.max(0, computeFreeCapacity(row))} of ${row.limit} are free${line}`,
      }
    case 'budget':
      return explainBudget(row, weight, line)
  }
}

/** What the config says otherwise, or that the limit will never do. */
function describeLimitDifference({ ports, settings }: Context, row: LimitRow['now'], weight: number): string {
  if (differsFromConfig(row, settings.limits, ports.clock.now()))
    return `; the config allows ${applyLimitConfig(row, settings.limits, ports.clock.now()).limit}, which counts once an engine has read it`
  return weight > row.limit ? `; it waits until the limit is raised to ${weight} or more` : ''
}

function explainBudget(row: LimitRow['now'], weight: number, line: string): Reason {
  const { window, blockedUntil, name, limit } = row
  if (blockedUntil !== undefined)
    return {
      text: `the service behind the budget ${name} has asked for a pause${line}`,
      until: blockedUntil,
    }
  const spent = window?.spent ?? 0
  const text = `it needs ${weight} of the budget ${name}: ${spent} are spent and ${sumHeldAmounts(row)} reserved of ${limit} a ${window?.per}${line}`
  return { text, ...(window === undefined || weight > limit ? {} : { until: window.endsAt }) }
}

const LINE = 1_000

async function findPlaceInLine(
  { ports }: Context,
  task: TaskRun,
  key: Key<'limit'>,
): Promise<number | undefined> {
  if (task.waitsFor !== key) return undefined
  const items = await ports.store.list({ prefix: keys.waits(key), limit: LINE, consistency: 'strong' })
  const index = items.findIndex(
    ({ record }) => record.kind === 'wait' && record.run === task.run && record.number === task.number,
  )
  return index < 0 ? undefined : index + 1
}
