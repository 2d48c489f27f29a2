import type { Change, Fields, Stored } from '../core/change.ts'
import { type Key, keys } from '../core/keys.ts'
import { makeLimitWaitKey, removeLimitHolder, setNextDueInstant } from '../core/limit-row.ts'
import { readClockMoment } from '../core/moment.ts'
import type { PlannedTask } from '../core/plan.ts'
import { formatHolderName, type TaskRun } from '../core/records/task-run.ts'
import type { ClaimResult } from './claim.ts'
import type { Context } from './context.ts'
import { giveBackReservations, type LimitRow, makeRowWrite } from './limits.ts'

/** An external task never runs: it is looked at again later, until its timeout. */
export async function waitForTarget(
  { ports }: Context,
  task: Stored<TaskRun>,
  planned: PlannedTask,
): Promise<ClaimResult | 'race'> {
  const now = ports.clock.now()
  const waitingSince = task.waitingSince ?? now
  const timeoutMs = planned.policy.timeoutMs ?? Number.POSITIVE_INFINITY
  const settle = async (set: Fields<TaskRun>): Promise<ClaimResult | 'race'> => {
    const change = { key: keys.taskRun(task.run, task.number), set }
    const result = await ports.store.write([{ ...change, if: { status: 'queued', attempt: task.attempt } }])
    return result.ok ? { is: 'settled' } : 'race'
  }
  if (now >= waitingSince + timeoutMs) {
    const message = `its target did not appear within ${timeoutMs / 1000} s: ${planned.outputs.join(', ') || planned.label}`
    return settle({ status: 'failed', failure: { outcome: 'timed_out', message }, endedAt: now })
  }
  const delayMs = Math.min(planned.policy.external?.pollMs ?? 0, waitingSince + timeoutMs - now)
  const dueAt = ports.clock.steady() + delayMs
  return settle({ status: 'waiting', waitsFor: 'target', waitingSince, dueAt })
}

interface WaitForLock {
  holder: string
  rows: readonly LimitRow[]
  nonce: string
}

/** One transaction: the task run, its wait item, and the lock's flag on condition that it is still held. */
export async function waitForLock(
  { ports }: Context,
  task: Stored<TaskRun>,
  { holder, rows, nonce }: WaitForLock,
): Promise<ClaimResult | 'race'> {
  const { run, number } = task
  const row = keys.lock(task.taskId)
  const moment = readClockMoment(ports.clock)
  const result = await ports.store.write([
    makeWaitingWrite(task, row, moment.now),
    { key: keys.wait(row, run, number), put: { kind: 'wait', run, number, nonce } },
    { key: row, set: { waiting: true }, if: { holder } },
    ...giveBackReservations(rows, formatHolderName(task), moment),
  ])
  return result.ok ? { is: 'settled' } : 'race'
}

function makeWaitingWrite(task: TaskRun, waitsFor: Key<'lock' | 'limit'>, now: number): Change {
  return {
    key: keys.taskRun(task.run, task.number),
    set: {
      status: 'waiting',
      waitsFor,
      waitingSince: task.waitingSince ?? now,
      waitedSince: task.waitedSince ?? now,
    },
    if: { status: 'queued', attempt: task.attempt },
  }
}

interface WaitForLimit {
  lacking: LimitRow
  rows: readonly LimitRow[]
  nonce: string
}

/**
 * One transaction: the task run, its wait item, the row's flag on condition that it is what was read, and what other
 * limits have reserved for it given back, so that a waiter holds nothing.
 */
export async function waitForLimit(
  { ports }: Context,
  task: Stored<TaskRun>,
  { lacking, rows, nonce }: WaitForLimit,
): Promise<ClaimResult | 'race'> {
  const { run, number } = task
  const { need, stored, now: row } = lacking
  const moment = readClockMoment(ports.clock)
  const { now } = moment
  const holder = formatHolderName(task)
  const left = row.holders[holder] === undefined ? row : removeLimitHolder(row, holder, 0, moment)
  const result = await ports.store.write([
    makeWaitingWrite(task, need.key, now),
    {
      key: makeLimitWaitKey(need.key, task, now),
      put: { kind: 'wait', run, number, nonce, weight: need.weight },
    },
    makeRowWrite(need.key, stored, setNextDueInstant({ ...left, waiting: true }, moment)),
    ...giveBackReservations(
      rows.filter((each) => each !== lacking),
      holder,
      moment,
    ),
  ])
  return result.ok ? { is: 'settled' } : 'race'
}
