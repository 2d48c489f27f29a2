import type { Stored } from '../core/change.ts'
import { keys } from '../core/keys.ts'
import { lacks } from '../core/limit-row.ts'
import { type Checkpoint, holderName, type Lock, type Run, type TaskRun } from '../core/model.ts'
import { momentOf } from '../core/moment.ts'
import { type PlannedTask, shapeNumbers } from '../core/plan.ts'
import type { Message, Reservation, Runner } from '../core/ports.ts'
import { type Context, PLANNING_SKEW_MS } from './context.ts'
import { dependenciesOf } from './expand.ts'
import { giveBack, type LimitRow, readLimits, takeAll } from './limits.ts'
import { isOver } from './locks.ts'
import { readOpenRun } from './open-runs.ts'
import { awaitTarget, waitForLimit, waitForLock } from './wait.ts'

/** An attempt that is ours to run. */
export interface Claimed {
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
  | { is: 'ours'; claimed: Claimed }
  | { is: 'settled' }
  | { is: 'early'; delayMs: number }
  /** This process does not define the task, or one that it reads from; nothing was written. */
  | { is: 'unfit'; family: string; isWholeRun: boolean }

const MAX_TRIES = 8
const RACE_MS = 20
/** Another worker was on its way to the last place of the pool; the message is soon in line again, so that its turn comes. */
const FULL_MS = 50

/**
 * Claims the attempt of a message in one atomic write that takes its lock and its limits as well.
 * Lost races are looked at afresh and never become `waiting`; a lock that another attempt holds, and a limit that is
 * used up, do.
 */
export async function claim(context: Context, message: Message): Promise<ClaimResult> {
  const { clock, chance } = context.ports
  const nonce = chance.nonce()
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const result = await tryClaim(context, message, nonce)
    if (result !== 'race') return result
    await clock.sleep(RACE_MS * 2 ** tries * chance.random())
  }
  return { is: 'early', delayMs: 1_000 }
}

async function tryClaim(context: Context, message: Message, nonce: string): Promise<ClaimResult | 'race'> {
  const { store, plans } = context.ports
  const [task] = await store.read([keys.taskRun(message.run, message.number)])
  const isOurs = task?.nonce === nonce
  const isQueued = task?.status === 'queued' && task.attempt === message.attempt
  if (task === undefined || !(isOurs || isQueued)) return { is: 'settled' }
  const [planned] = (await plans.tasks(message.run, [message.number])) as [PlannedTask]
  // Its own claim has marked the lock, so whether the target was believed before is not known any more.
  if (isOurs)
    return ours(context, task, planned, { nonce, rows: await readLimits(context, planned), replaces: true })
  const run = await readOpenRun(context.ports, message.run)
  if (run === undefined) return { is: 'settled' }
  const family = await undefinedFamily(context, run.id, planned)
  if (family !== undefined)
    return { is: 'unfit', family, isWholeRun: !(await isRootDefined(context, run.id)) }
  return claimQueued(context, run, task, planned, nonce)
}

const isDefined = ({ ports }: Context, task: Parameters<NonNullable<Runner['defines']>>[0]) =>
  ports.runner.defines?.(task) ?? true

async function isRootDefined(context: Context, run: string): Promise<boolean> {
  const { plans } = context.ports
  const header = await plans.header(run)
  const roots = header === undefined ? [] : await plans.tasks(run, [header.root])
  return roots.every((root) => isDefined(context, root))
}

/** The family of the task or of one of its upstreams that this process does not define: another may. */
export async function undefinedFamily(
  context: Context,
  run: string,
  planned: PlannedTask,
): Promise<string | undefined> {
  if (context.ports.runner.defines === undefined || planned.command !== undefined) return undefined
  const upstreams = await context.ports.plans.tasks(run, [...new Set(shapeNumbers(planned.requires))])
  return [planned, ...upstreams].find((task) => !isDefined(context, task))?.family
}

async function claimQueued(
  context: Context,
  run: Run,
  task: Stored<TaskRun>,
  planned: PlannedTask,
  nonce: string,
): Promise<ClaimResult | 'race'> {
  const { store, clock } = context.ports
  const [lock] = await store.read([keys.lock(task.taskId)])
  const delayMs = Math.max(task.notBefore ?? 0, lock?.backoffUntil ?? 0) - clock.steady()
  if (delayMs > 0) return { is: 'early', delayMs }
  const rows = await readLimits(context, planned)
  if (await isAlreadyComplete(context, run, task, planned, lock)) return complete(context, task, rows)
  if (planned.policy.external) return awaitTarget(context, task, planned)
  if (lock?.holder !== undefined && !isOver(lock.holder, task))
    return waitForLock(context, task, { lock, holder: lock.holder, rows, nonce })
  const lacking = rows.find(({ need, now }) => lacks(now, holderName(task), need.weight))
  if (lacking === undefined) return take(context, task, planned, { lock, rows, nonce })
  if (lacking.need.of === 'pool') return { is: 'early', delayMs: FULL_MS }
  return waitForLimit(context, task, { lacking, rows, nonce })
}

/**
 * Whether the target is there although planning did not see it: an attempt of another run has succeeded since. What an
 * attempt left that did not succeed proves nothing, so that the task runs again.
 */
async function isAlreadyComplete(
  { ports }: Context,
  run: Run,
  task: TaskRun,
  planned: PlannedTask,
  lock: Lock | undefined,
): Promise<boolean> {
  if (planned.forced) return false
  const isFree = lock?.holder === undefined || isOver(lock.holder, task)
  if (lock?.unproven && isFree && !planned.policy.external) return false
  const since = run.plannedAt - PLANNING_SKEW_MS
  const mayBeMade = lock?.lastEndAt !== undefined && lock.lastEndAt > since
  if (!mayBeMade && task.attempt === 1 && !planned.policy.external) return false
  return (await ports.completeness.areComplete([planned]))[0] === true
}

/** Writes a task run that needs no attempt, and gives back what was kept for it. */
async function complete(
  { ports }: Context,
  task: Stored<TaskRun>,
  rows: LimitRow[],
): Promise<ClaimResult | 'race'> {
  const moment = momentOf(ports.clock)
  const result = await ports.store.write([
    {
      key: keys.taskRun(task.run, task.number),
      set: { status: 'complete', endedAt: moment.now },
      if: { status: 'queued', attempt: task.attempt },
    },
    ...giveBack(rows, holderName(task), moment),
  ])
  return result.ok ? { is: 'settled' } : 'race'
}

interface Taking {
  lock: Stored<Lock> | undefined
  rows: LimitRow[]
  nonce: string
}

async function take(
  context: Context,
  task: Stored<TaskRun>,
  planned: PlannedTask,
  { lock, rows, nonce }: Taking,
): Promise<ClaimResult | 'race'> {
  const { ports, settings } = context
  const moment = momentOf(ports.clock)
  const startedAt = moment.now
  const leaseUntil = moment.steady + settings.leaseMs
  const holder = holderName(task)
  const set = {
    status: 'running' as const,
    nonce,
    worker: settings.worker,
    ...(settings.code === undefined ? {} : { code: settings.code }),
    startedAt,
    leaseUntil,
    dueAt: leaseUntil,
    notBefore: undefined,
    waitingSince: undefined,
    progress: undefined,
    ...(rows.length === 0 ? {} : { holds: true as const }),
  }
  const result = await ports.store.write([
    {
      key: keys.taskRun(task.run, task.number),
      set,
      if: { status: 'queued', attempt: task.attempt },
    },
    {
      key: keys.lock(task.taskId),
      set: { kind: 'lock', taskId: task.taskId, holder, failure: undefined, unproven: markOf(planned) },
      if: { holder: lock?.holder, lastEndAt: lock?.lastEndAt },
    },
    ...takeAll(rows, holder, moment),
  ])
  if (result.ok)
    return ours(context, { ...task, ...set }, planned, { nonce, rows, replaces: lock?.unproven === true })
  const stood = result.failures.find((each) => each.current?.kind === 'taskRun')?.current
  if (stood?.kind === 'taskRun' && stood.nonce === nonce)
    return ours(context, stood, planned, { nonce, rows, replaces: true })
  return 'race'
}

/** A marker is written together with the success of its attempt, so that it always proves it. */
const markOf = ({ outputs }: PlannedTask) => (outputs.length === 0 ? undefined : true)

async function ours(
  context: Context,
  task: Stored<TaskRun>,
  planned: PlannedTask,
  { nonce, rows, replaces }: { nonce: string; rows: LimitRow[]; replaces: boolean },
): Promise<ClaimResult> {
  const { plans, store } = context.ports
  const upstreams = await plans.tasks(task.run, [...new Set(shapeNumbers(planned.requires))])
  const dependencies = await dependenciesOf(context, task)
  const memoryMb = task.memoryMb ?? planned.policy.memoryMb
  // Only what ended an attempt before leaves a checkpoint.
  const [checkpoint] = task.attempt === 1 ? [] : await store.read([keys.checkpoint(task.run, task.number)])
  const claimed: Claimed = {
    task,
    planned,
    upstreams,
    dependencies,
    budgets: reservations(rows),
    nonce,
    ...(replaces ? { replaces: true as const } : {}),
    ...(memoryMb === undefined ? {} : { memoryMb }),
    ...(checkpoint === undefined ? {} : { checkpoint: checkpoint.value }),
  }
  return { is: 'ours', claimed }
}

function reservations(rows: LimitRow[]): Claimed['budgets'] {
  return Object.fromEntries(
    rows.flatMap(({ need, now: { window } }) =>
      window === undefined ? [] : [[need.name, { amount: need.weight, endsAt: window.endsAt }]],
    ),
  )
}
