import type { Change, Stored } from '../core/change.ts'
import { holderName, keys, type Lock, type Run, type TaskRun } from '../core/model.ts'
import { type PlannedTask, shapeNumbers } from '../core/plan.ts'
import type { Message } from '../core/ports.ts'
import { type Context, PLANNING_SKEW_MS } from './context.ts'
import { isOver } from './locks.ts'

/** An attempt that is ours to run. */
export interface Claimed {
  task: Stored<TaskRun>
  planned: PlannedTask
  upstreams: PlannedTask[]
  nonce: string
}

/** What became of a message: ours to run, nothing to do (any more), or not before a time. */
export type ClaimResult =
  | { is: 'ours'; claimed: Claimed }
  | { is: 'settled' }
  | { is: 'early'; delayMs: number }

const MAX_TRIES = 8
const RACE_MS = 20

/**
 * Claims the attempt of a message in one atomic write that takes its lock as well.
 * Lost races are looked at afresh and never become `waiting`; a lock that another attempt holds does.
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
  const { store, plans, clock } = context.ports
  const [[record, runRecord], [planned]] = await Promise.all([
    store.read([keys.taskRun(message.run, message.number), keys.run(message.run)]),
    plans.tasks(message.run, [message.number]),
  ])
  const task = record as Stored<TaskRun> | undefined
  const run = runRecord as Stored<Run> | undefined
  if (task?.nonce === nonce) return ours(context, task, planned as PlannedTask, nonce)
  if (task?.status !== 'queued' || task.attempt !== message.attempt) return { is: 'settled' }
  if (run?.status !== 'running' || run.cancelledAt !== undefined) return { is: 'settled' }
  const [lockRecord] = await store.read([keys.lock(task.taskId)])
  const lock = lockRecord as Stored<Lock> | undefined
  const delayMs = Math.max(task.notBefore ?? 0, lock?.backoffUntil ?? 0) - clock.now()
  if (delayMs > 0) return { is: 'early', delayMs }
  if (await isAlreadyComplete(context, run, task, planned as PlannedTask, lock))
    return settle(context, task, { status: 'complete', endedAt: clock.now() })
  if (planned?.policy.external) return awaitTarget(context, task, planned)
  if (lock?.holder !== undefined && !isOver(lock.holder, task))
    return waitForLock(context, task, lock, lock.holder, nonce)
  return take(context, task, planned as PlannedTask, lock, nonce)
}

/**
 * Whether the target is there although planning did not see it: an attempt of another run has ended since, or an
 * earlier one of this run; even a lost attempt may have published before it could say so.
 */
async function isAlreadyComplete(
  { ports }: Context,
  run: Run,
  task: TaskRun,
  planned: PlannedTask,
  lock: Lock | undefined,
): Promise<boolean> {
  const since = run.plannedAt - PLANNING_SKEW_MS
  const mayBeMade = lock?.lastEndAt !== undefined && lock.lastEndAt > since
  if (!mayBeMade && task.attempt === 1 && !planned.policy.external) return false
  return (await ports.completeness.areComplete([planned]))[0] === true
}

/** Writes a task run that needs no attempt. */
async function settle(
  { ports }: Context,
  task: Stored<TaskRun>,
  set: Partial<TaskRun>,
): Promise<ClaimResult | 'race'> {
  const result = await ports.store.write([
    {
      key: keys.taskRun(task.run, task.number),
      set,
      if: { status: 'queued', attempt: task.attempt },
    },
  ])
  return result.ok ? { is: 'settled' } : 'race'
}

/** An external task never runs: it is looked at again later, until its timeout. */
function awaitTarget(
  context: Context,
  task: Stored<TaskRun>,
  planned: PlannedTask,
): Promise<ClaimResult | 'race'> {
  const now = context.ports.clock.now()
  const waitingSince = task.waitingSince ?? now
  const timeoutMs = planned.policy.timeoutMs ?? Number.POSITIVE_INFINITY
  if (now >= waitingSince + timeoutMs) {
    const message = `its target did not appear within ${timeoutMs / 1000} s: ${planned.outputs.join(', ')}`
    const failure = { outcome: 'timed_out' as const, message }
    return settle(context, task, { status: 'failed', failure, endedAt: now })
  }
  const dueAt = Math.min(now + (planned.policy.external?.pollMs ?? 0), waitingSince + timeoutMs)
  return settle(context, task, { status: 'waiting', waitsFor: 'target', waitingSince, dueAt })
}

/** One transaction: the task run, its wait item, and the lock's flag on condition that it is still held. */
async function waitForLock(
  { ports }: Context,
  task: Stored<TaskRun>,
  lock: Stored<Lock>,
  holder: string,
  nonce: string,
): Promise<ClaimResult | 'race'> {
  const { run, number, attempt } = task
  const waitsFor = keys.lock(lock.taskId)
  const result = await ports.store.write([
    {
      key: keys.taskRun(run, number),
      set: { status: 'waiting', waitsFor, waitingSince: ports.clock.now() },
      if: { status: 'queued', attempt },
    },
    { key: keys.wait(waitsFor, run, number), put: { kind: 'wait', run, number, nonce } },
    { key: waitsFor, set: { waiting: true }, if: { holder } },
  ])
  return result.ok ? { is: 'settled' } : 'race'
}

async function take(
  context: Context,
  task: Stored<TaskRun>,
  planned: PlannedTask,
  lock: Stored<Lock> | undefined,
  nonce: string,
): Promise<ClaimResult | 'race'> {
  const { ports, settings } = context
  const startedAt = ports.clock.now()
  const leaseUntil = startedAt + settings.leaseMs
  const set = {
    status: 'running' as const,
    nonce,
    worker: settings.worker,
    startedAt,
    leaseUntil,
    dueAt: leaseUntil,
    notBefore: undefined,
    waitingSince: undefined,
    progress: undefined,
  }
  const changes: Change[] = [
    {
      key: keys.taskRun(task.run, task.number),
      set,
      if: { status: 'queued', attempt: task.attempt },
    },
    {
      key: keys.lock(task.taskId),
      set: { kind: 'lock', taskId: task.taskId, holder: holderName(task), failure: undefined },
      if: { holder: lock?.holder, lastEndAt: lock?.lastEndAt },
    },
  ]
  const result = await ports.store.write(changes)
  if (result.ok) return ours(context, { ...task, ...set }, planned, nonce)
  const stood = result.failures.find((each) => each.current?.kind === 'taskRun')?.current
  if ((stood as TaskRun | undefined)?.nonce === nonce)
    return ours(context, stood as Stored<TaskRun>, planned, nonce)
  return 'race'
}

async function ours(
  { ports }: Context,
  task: Stored<TaskRun>,
  planned: PlannedTask,
  nonce: string,
): Promise<ClaimResult> {
  const upstreams = await ports.plans.tasks(task.run, [...new Set(shapeNumbers(planned.requires))])
  return { is: 'ours', claimed: { task, planned, upstreams, nonce } }
}
