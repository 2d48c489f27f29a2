import type { Stored } from '../core/change.ts'
import { keys } from '../core/keys.ts'
import type { Ending } from '../core/ports/working.ts'
import type { TaskRun } from '../core/records/task-run.ts'
import { type ClaimedAttempt, readClaimedAttempt } from './claim.ts'
import { readPlannedTask } from './claim-snapshot.ts'
import type { Context } from './context.ts'
import { finishAttempt } from './finish.ts'

/*
 * Attempts that one process claims and another runs: a launcher hands an attempt over to a keeper that it starts. Invariants:
 * 1. The nonce goes with the attempt: only the process that has it may extend the lease and write the end.
 * 2. One process alone takes an attempt over; one that comes later, or after the end, gets nothing.
 * 3. What is known of a process that ended without a word ends the attempt only while the attempt is still its own.
 */

/** An attempt as the one who claimed it names it to the one who runs it. */
export interface AttemptHandover {
  run: string
  number: number
  attempt: number
  nonce: string
  /** What is in its targets proves nothing, so that it is replaced. */
  replaces: boolean
}

/**
 * Takes the lease of an attempt over that another process has claimed: this worker's name and a lease from now on. Undefined if the
 * attempt is over, or if another worker than the one that claimed it has taken it over before.
 */
export async function takeOverAttempt(
  context: Context,
  { run, number, attempt, nonce, replaces }: AttemptHandover,
  isClaimer: (worker: string) => boolean,
): Promise<ClaimedAttempt | undefined> {
  const { ports, settings } = context
  const key = keys.taskRun(run, number)
  for (;;) {
    const task = await readHandedOver(context, { run, number, attempt, nonce })
    if (task === undefined) return undefined
    const { worker = '' } = task
    if (worker !== settings.worker && !isClaimer(worker)) return undefined
    const leaseUntil = ports.clock.steady() + settings.leaseMs
    const set = { worker: settings.worker, leaseUntil, dueAt: leaseUntil }
    const result = await ports.store.write([
      { key, set, if: { status: 'running', attempt, nonce, worker: task.worker } },
    ])
    if (!result.ok) continue
    const planned = await readPlannedTask(context, { run, number })
    return readClaimedAttempt(context, { ...task, ...set }, planned, { nonce, replaces })
  }
}

/** Ends an attempt whose process has ended, if it is not over by now; false if it is. */
export async function endHandedOver(
  context: Context,
  handover: AttemptHandover,
  ending: Ending,
): Promise<boolean> {
  const task = await readHandedOver(context, handover)
  if (task === undefined) return false
  const planned = await readPlannedTask(context, task)
  const { memoryMb = planned.policy.memoryMb } = task
  const ended = { task, planned, nonce: handover.nonce, ...(memoryMb === undefined ? {} : { memoryMb }) }
  return finishAttempt(context, ended, ending)
}

/** The task run while the attempt that was handed over is running. */
async function readHandedOver(
  { ports }: Context,
  { run, number, attempt, nonce }: Omit<AttemptHandover, 'replaces'>,
): Promise<Stored<TaskRun> | undefined> {
  const [task] = await ports.store.read([keys.taskRun(run, number)])
  const isOpen = task?.status === 'running' && task.nonce === nonce && task.attempt === attempt
  return isOpen ? task : undefined
}
